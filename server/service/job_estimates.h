// What a planned job would cost on its device.
#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/checkpoint.h"
#include "circuitd/v1/circuit.pb.h"
#include "server/service/job_plan.h"
#include "server/service/server_parts.h"

namespace circuitd {

// At a speed as the SpeedMeter measures it.
v1::CostEstimate EstimateJob(const JobPlan& plan, const JobCost& cost, double flops_per_second);

// Runs a few of the plan's prompts, so that the SpeedMeter knows the device. On the device's worker.
absl::Status MeasureSpeed(const ServerParts& parts, const JobPlan& plan, const Checkpoint& checkpoint);

// How long the whole job may take, roughly.
absl::Duration EstimateDuration(const ServerParts& parts, const JobPlan& plan, const JobCost& cost);

}  // namespace circuitd
