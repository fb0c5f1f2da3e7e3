// ACDC: Conmy et al. 2023 (arXiv 2304.14997), section 3 and algorithm 1.
//
// Start from all edges. Receivers go in reverse topological order: logits, then in each layer from the last to the
// first the MLP and the heads (last to first; v, k, q of each), and for each receiver its senders from the nearest to
// embed. Each edge is ablated together with all that are out already; if the loss grows by less than the threshold,
// it leaves and the loss without it is what later ones are compared with. The change is signed: an edge whose removal
// lowers the loss always leaves. The loss is kl_div or nll or rank itself, or minus logit_diff, prob_diff or accuracy.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/circuit/edges/edge_decision.h"
#include "server/circuit/edges/edge_scorer.h"

namespace circuitd {

struct AcdcOptions {
  double threshold = 0.01;  // of the loss; finite
  EdgeScorerOptions runs{Metric::kKlDiv};
};

// Edges in the order in which they are tried.
std::vector<Edge> AcdcOrder(const ModelConfig& config);

// Runs on the calling thread, the device's worker. `made` are decisions of an earlier run of the same job, from its
// first one on: they stand, as PruneNodes has it (DATA_LOSS names the first that is amiss). Errors as EdgeScorer's.
// In a decision `criterion` is the change of the loss. The circuit's nodes are those that its edges join; edges into
// what nothing reads have a change of 0, and are not run.
absl::StatusOr<EdgeCircuitResult> RunAcdc(const Model& model, const PromptPairs& pairs, const AcdcOptions& options,
                                          const EdgeCallbacks& callbacks, absl::Span<const EdgeDecision> made = {});

// The same over any engine.
absl::StatusOr<EdgeCircuitResult> RunAcdcWithScorer(EdgeScorer& scorer, const ModelConfig& config,
                                                    const AcdcOptions& options, const EdgeCallbacks& callbacks,
                                                    absl::Span<const EdgeDecision> made = {});

}  // namespace circuitd
