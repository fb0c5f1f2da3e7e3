// The node-pruning job: from its spec to prompts, to decisions as events, to a result and artifacts.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "circuitd/v1/circuit.pb.h"
#include "server/circuit/node_pruning.h"
#include "server/jobs/job_manager.h"
#include "server/model/model.h"
#include "server/service/server_parts.h"

namespace circuitd {

// Checks what needs neither model nor files. INVALID_ARGUMENT names the field, from the spec on: "threshold".
absl::Status ValidateNodePruning(const v1::NodePruningSpec& spec);

// A job that is ready to run.
struct NodePruningPlan {
  std::shared_ptr<const Model> model;
  std::string model_sha256;
  PromptPairs pairs;
  NodePruningOptions options;
  PruningCost cost;          // of a job that is being submitted
  std::string prompts_json;  // the request's PromptSource, with what it leaves to the server filled in
};

// Loads the model, tokenizes the prompts. Takes seconds; errors name fields as ValidateNodePruning's do: unknown models
// and datasets are NOT_FOUND.
absl::StatusOr<std::shared_ptr<const NodePruningPlan>> PlanNodePruning(const ServerParts& parts,
                                                                       const v1::NodePruningSpec& spec);

// The same of what is there already.
absl::StatusOr<std::shared_ptr<NodePruningPlan>> MakePlan(const ServerParts& parts, const v1::NodePruningSpec& spec,
                                                          std::shared_ptr<const Model> model, std::string sha256,
                                                          PromptPairs pairs);

// At a speed as the SpeedMeter measures it.
v1::CostEstimate EstimateNodePruning(const NodePruningPlan& plan, double flops_per_second);

// Runs a few of the plan's prompts, so that the SpeedMeter knows the device. On the device's worker.
absl::Status MeasureSpeed(const ServerParts& parts, const NodePruningPlan& plan, const Checkpoint& checkpoint);

// How long the whole job may take, roughly.
absl::Duration EstimateDuration(const ServerParts& parts, const NodePruningPlan& plan);

// What the job runs on the device's worker: events are PruningDecisions, the progress JobProgress, the result
// NodePruningResult, the artifacts those of docs/circuit-json.md. Decisions of earlier runs are not made again.
JobBody MakeNodePruningBody(const ServerParts& parts, std::shared_ptr<const NodePruningPlan> plan);

}  // namespace circuitd
