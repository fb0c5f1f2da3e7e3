#include "server/circuit/node_pruning.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/circuit/node_sweep.h"
#include "server/circuit/plain_node_scorer.h"

namespace circuitd {

absl::StatusOr<NodePruningResult> PruneNodes(const Model& model, const PromptPairs& pairs,
                                             const NodePruningOptions& options, const NodePruningCallbacks& callbacks) {
  ASSIGN_OR_RETURN(const auto scorer, PlainNodeScorer::Create(model.network(), pairs, options, callbacks.checkpoint));
  return PruneWithScorer(*scorer, model.config(), options, callbacks.on_decision);
}

}  // namespace circuitd
