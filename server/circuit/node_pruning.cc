#include "server/circuit/node_pruning.h"

#include <memory>
#include <utility>

#include "base/status.h"
#include "server/circuit/engine/fast_node_scorer.h"
#include "server/circuit/node_sweep.h"
#include "server/circuit/plain_node_scorer.h"
#include "server/circuit/remembering_scorer.h"

namespace circuitd {
namespace {

template <typename Scorer>
absl::StatusOr<std::unique_ptr<NodeScorer>> CreateScorer(const Model& model, const PromptPairs& pairs,
                                                         const NodePruningOptions& options,
                                                         const Checkpoint& checkpoint) {
  ASSIGN_OR_RETURN(auto scorer, Scorer::Create(model.network(), pairs, options, checkpoint));
  return std::make_unique<RememberingScorer>(model.config(), std::move(scorer));
}

}  // namespace

bool RunsFast(const Model& model, const NodePruningOptions& options) {
  // In half precision another order of sums is another score.
  return options.engine == PruningEngine::kFast && model.dtype() == DType::kFloat32;
}

absl::StatusOr<std::unique_ptr<NodeScorer>> NewNodeScorer(const Model& model, const PromptPairs& pairs,
                                                          const NodePruningOptions& options,
                                                          const Checkpoint& checkpoint) {
  const auto create = RunsFast(model, options) ? CreateScorer<FastNodeScorer> : CreateScorer<PlainNodeScorer>;
  return create(model, pairs, options, checkpoint);
}

absl::StatusOr<NodePruningResult> PruneNodes(const Model& model, const PromptPairs& pairs,
                                             const NodePruningOptions& options, const NodePruningCallbacks& callbacks,
                                             absl::Span<const PruningDecision> made) {
  ASSIGN_OR_RETURN(const auto scorer, NewNodeScorer(model, pairs, options, callbacks.checkpoint));
  return PruneWithScorer(*scorer, model.config(), options, callbacks.on_decision, made);
}

}  // namespace circuitd
