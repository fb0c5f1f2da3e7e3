// What algorithms over edges ask of an engine: the metric of an edge-masked run.
//
// The edge-masked run takes the clean prompts. A receiver reads the sum over all senders below it: of a sender whose
// edge is in the circuit what it computes in this very run, of another its *outside* value; and the attention biases
// of the layers below, which are nobody's. So with all edges it is the clean run, and with none, where the outside
// values are those of the corrupted run, it is the corrupted run.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/checkpoint.h"
#include "server/circuit/node_pruning.h"
#include "server/graph/edge_set.h"
#include "server/model/metric.h"
#include "server/model/model.h"
#include "server/model/prompt_pair.h"
#include "server/patching/path_patching.h"

namespace circuitd {

// What a sender's outside value is.
enum class EdgeAblation {
  kResample,  // in the run on the paired corrupted prompt
  kMean,      // for each position the mean over the corrupted prompts
  kZero,      // 0; embed's too
};

// Everything happens inside a node circuit whose other nodes are ablated to their means (node_pruning.h): "clean" and
// "corrupted" runs are that circuit's own. The outside value of an ablated node is its mean, and none of its edges can
// be in a mask.
struct WithinCircuit {
  NodeSet nodes;
  MlpMeans means = MlpMeans::kSeqcont;
};

struct EdgeScorerOptions {
  Metric metric = Metric::kLogitDiff;  // kKlDiv compares with the model's clean run, kRank and kAccuracy are fine too
  EdgeAblation ablation = EdgeAblation::kResample;
  std::optional<WithinCircuit> within = std::nullopt;  // only with kResample
  // The run starts from the corrupted prompts, and the clean run's values are what edges outside carry.
  bool swap_prompts = false;
  int64_t memory_budget_bytes = int64_t{2} << 30;
  std::optional<int64_t> micro_batch_prompts = std::nullopt;  // as an earlier run had it; see NodePruningOptions
};

// Not thread-safe; called on the device's worker. All results are means over the pairs. Errors: a checkpoint's as it
// is, RESOURCE_EXHAUSTED if not even one prompt fits in memory, FAILED_PRECONDITION naming the prompt if a run's
// logits are not finite.
class EdgeScorer {
 public:
  virtual ~EdgeScorer() = default;

  // From now on the runs of sets that differ from `edges` in what one receiver reads may go on from that of `edges`,
  // and all others are whole ones: which of the two a score comes from shows in its rounding. So a score depends on the
  // pairs, the options, this set and what is asked for, senders side by side included, and not on earlier calls.
  virtual void GoOnFrom(const EdgeSet& edges) { static_cast<void>(edges); }

  // The metric of the edge-masked run.
  virtual absl::StatusOr<double> Score(const EdgeSet& edges) = 0;

  // The same of `edges` without one edge, for each of `senders` apart: those of `receiver`, both by rank, which have
  // to be in `edges`. With kHeads the MLPs of the run's circuit between sender and receiver pass on what changes, as
  // path patching has it; kAll takes the edge alone.
  virtual absl::StatusOr<std::vector<double>> ScoreWithout(const EdgeSet& edges, int receiver,
                                                           absl::Span<const int> senders,
                                                           PathFreeze freeze = PathFreeze::kAll) = 0;

  // The metric of the unablated model on the clean prompts, whatever `within` says.
  virtual double model_metric() const = 0;
};

// Whole edge-masked runs for each score: the reference that the fast one is tested against.
absl::StatusOr<std::unique_ptr<EdgeScorer>> NewPlainEdgeScorer(const Model& model, const PromptPairs& pairs,
                                                               const EdgeScorerOptions& options,
                                                               const Checkpoint& checkpoint);

// Keeps the whole run that it last made, and continues it from the receiver whose edges are others. `model`, `pairs`
// and `checkpoint` have to outlive the scorer.
absl::StatusOr<std::unique_ptr<EdgeScorer>> NewEdgeScorer(const Model& model, const PromptPairs& pairs,
                                                          const EdgeScorerOptions& options,
                                                          const Checkpoint& checkpoint);

struct EdgeRunCost {
  int64_t micro_batch_prompts = 0;
  int64_t memory_bytes = 0;
  double flops = 0;  // of one edge-masked run over all pairs
};

EdgeRunCost EstimateEdgeRun(const Model& model, const PromptPairs& pairs, const EdgeScorerOptions& options);

}  // namespace circuitd
