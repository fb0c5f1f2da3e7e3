// The sweeps of node pruning over any engine.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/circuit/node_pruning.h"
#include "server/circuit/node_scorer.h"

namespace circuitd {

// PruneNodes with the scores of `scorer`, which learns those of `made`; `on_decision` may be empty. A scorer's error
// names the candidate.
absl::StatusOr<NodePruningResult> PruneWithScorer(NodeScorer& scorer, const ModelConfig& config,
                                                  const NodePruningOptions& options,
                                                  const std::function<void(const PruningDecision&)>& on_decision,
                                                  absl::Span<const PruningDecision> made = {});

}  // namespace circuitd
