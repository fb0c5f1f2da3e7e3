// From a job's spec to its plan, and from its plan to what a worker runs.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "circuitd/v1/job.pb.h"
#include "server/jobs/job_body.h"
#include "server/service/job_plan.h"
#include "server/service/server_parts.h"

namespace circuitd {

struct PlannedJob {
  std::shared_ptr<const JobPlan> plan;
  JobCost cost;
};

// Loads the model, tokenizes the prompts, reads the circuits. Takes seconds. Of a validated spec; errors name fields
// from JobSpec on ("node_pruning.prompts.task.task"): unknown models, datasets and jobs are NOT_FOUND.
absl::StatusOr<PlannedJob> PlanJob(const ServerParts& parts, const v1::JobSpec& spec);

// Events, result and artifacts are those of the job's kind. What earlier runs have done is not done again.
JobBody MakeJobBody(const ServerParts& parts, std::shared_ptr<const JobPlan> plan);

}  // namespace circuitd
