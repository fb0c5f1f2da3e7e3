// A node-pruning job's plan on the disk and back, and what tells jobs with equal results.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "circuitd/v1/job.pb.h"
#include "server/service/node_pruning_job.h"
#include "server/service/server_parts.h"

namespace circuitd {

// A NodePruningInput (proto/circuitd/storage/v1), with everything that the plan was made from.
std::string StorePlan(const NodePruningPlan& plan);

// The plan again, for the job that was submitted with `spec`. Loads the model: takes seconds. FAILED_PRECONDITION if it
// is not the same model any more, NOT_FOUND if it is gone, DATA_LOSS if `input` is damaged.
absl::StatusOr<std::shared_ptr<const NodePruningPlan>> RestorePlan(const ServerParts& parts, const std::string& input,
                                                                   const v1::NodePruningSpec& spec,
                                                                   const std::string& device);

// Equal for plans with equal results: the same model, prompts, answers and parameters, and the same circuitd.
std::string ResultKey(const NodePruningPlan& plan);

}  // namespace circuitd
