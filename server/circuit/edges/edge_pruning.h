// Edge pruning: Lan, Torr and Barez (arXiv 2311.04131), section 3, by path patching (path_patching.h) inside a circuit.
//
// Over the nodes of a circuit, all edges from heads and MLPs to q, k, v of heads, MLPs and logits. Each edge alone: in
// the run of the mean-ablated circuit on the clean prompts, the receiver reads the sender as in that circuit's run on
// the corrupted prompts. The edge stays if (logit difference with the edge patched) / (that of the unablated model) <
// threshold. Then nodes without a way to the logits go, and their edges with them. embed is no candidate's sender: its
// edges to the nodes that stay, and to the logits, are part of the circuit.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/circuit/edges/edge_decision.h"
#include "server/circuit/edges/edge_scorer.h"

namespace circuitd {

struct EdgePruningOptions {
  NodeSet nodes;
  MlpMeans means = MlpMeans::kSeqcont;
  double threshold = 0.8;
  PathFreeze freeze = PathFreeze::kAll;
  int64_t memory_budget_bytes = int64_t{2} << 30;
  std::optional<int64_t> micro_batch_prompts;
};

// Candidates in the order of the decisions: receivers from the logits down, each with its senders in forward order.
std::vector<Edge> EdgePruningOrder(const ModelConfig& config, const NodeSet& nodes);

// Threads, `made` and errors as RunAcdc; also FAILED_PRECONDITION with the value if the unablated logit difference is
// not finite and positive. In a decision `criterion` is the quotient, `removed` that it is not below the threshold,
// and edges_kept counts before nodes go. circuit_metric of the result is the logit difference with all edges patched
// at once that did not stay, empty_metric with all candidates patched.
absl::StatusOr<EdgeCircuitResult> PruneEdges(const Model& model, const PromptPairs& pairs,
                                             const EdgePruningOptions& options, const EdgeCallbacks& callbacks,
                                             absl::Span<const EdgeDecision> made = {});

absl::StatusOr<EdgeCircuitResult> PruneEdgesWithScorer(EdgeScorer& scorer, const ModelConfig& config,
                                                       const EdgePruningOptions& options,
                                                       const EdgeCallbacks& callbacks,
                                                       absl::Span<const EdgeDecision> made = {});

}  // namespace circuitd
