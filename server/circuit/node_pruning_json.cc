#include "server/circuit/node_pruning_json.h"

#include "nlohmann/json.hpp"
#include "server/graph/json_text.h"
#include "server/graph/node_json.h"

namespace circuitd {
namespace {

using Json = nlohmann::ordered_json;

// As requests and files spell it.
const char* MlpMeansName(MlpMeans means) { return means == MlpMeans::kClean ? "clean" : "seqcont"; }

}  // namespace

std::string DecisionsJsonl(const std::vector<PruningDecision>& decisions) {
  std::string lines;
  for (const PruningDecision& decision : decisions) {
    Json line = {{"index", decision.index}};
    AddNodeKeys(decision.node, line);
    line["score"] = decision.score;
    line["removed"] = decision.removed;
    line["iteration"] = decision.iteration;
    line["direction"] = decision.direction == SweepDirection::kBackward ? "backward" : "forward";
    line["heads_kept"] = decision.heads_kept;
    line["mlps_kept"] = decision.mlps_kept;
    lines += JsonText(line, -1) + "\n";
  }
  return lines;
}

std::string PruningParametersJson(const NodePruningOptions& options, size_t prompt_count) {
  const Json parameters = {{"method", "node_pruning"},
                           {"means", MlpMeansName(options.means)},
                           {"threshold", options.threshold},
                           {"max_iterations", options.max_iterations ? Json(*options.max_iterations) : Json(nullptr)},
                           {"prompt_count", prompt_count},
                           {"memory_budget_bytes", options.memory_budget_bytes}};
  return JsonText(parameters, -1);
}

std::string PruningResultsJson(const NodePruningResult& result) {
  const Json results = {{"score", result.score},
                        {"full_logit_diff", result.full_logit_diff},
                        {"decision_count", result.decision_count},
                        {"converged", result.converged}};
  return JsonText(results, -1);
}

}  // namespace circuitd
