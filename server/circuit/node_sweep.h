// The sweeps of node pruning over any engine.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "server/circuit/node_pruning.h"
#include "server/circuit/node_scorer.h"

namespace circuitd {

// PruneNodes with the scores of `scorer`; `on_decision` may be empty. A scorer's error names the candidate.
absl::StatusOr<NodePruningResult> PruneWithScorer(NodeScorer& scorer, const ModelConfig& config,
                                                  const NodePruningOptions& options,
                                                  const std::function<void(const PruningDecision&)>& on_decision);

}  // namespace circuitd
