// What every job leaves beside the files of its kind, for those who look at circuits.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "server/jobs/job_body.h"
#include "server/service/job_plan.h"
#include "server/service/plan_run.h"

namespace circuitd {

// Adds heads.json (docs/heads-json.md), of the plan's prompts with the heads in `found.nodes` first, and last, made of
// all files, report.html. A job has found what it was to find by then: what can't be made (memory that is short for
// once, activations that are not finite) is left out and logged. Errors are those of the run's checkpoint.
absl::StatusOr<JobOutcome> WithReport(const JobPlan& plan, PlanOutcome found, PlanRun& run);

// Memory that this takes at most.
int64_t ReportBytes(const JobPlan& plan);

}  // namespace circuitd
