// The fast engine of node pruning: the plain engine's scores for a small part of its work.
//
// What it leaves out, each in a file of its own:
//   - rows: prompts that begin alike share their residual streams, and nothing is padded (prompt_rows.h); so do a clean
//     and a corrupted prompt as long as their runs have the same nodes (shared_run.h)
//   - layers: a candidate runs from its own layer on; what is below is kept (chunk_run.h)
//   - positions: above the highest kept head only what the answer is read from is computed (circuit_layers.h)
//   - nodes: ablated heads and MLPs are constants and cost nothing (engine_weights.h)
//   - a layer's candidates share its attention, and most of the first MLP product (chunk_run.h, candidate_layer.h)
//   - the means' runs on the corrupted prompts stop at the highest ablated MLP, or are not made (seqcont_mlp_means.h)
//   - of the vocabulary two directions are read, at the last position (here)
// and products run on packed weights (server/model/packed_affine.h). Sums are taken in another order than the plain
// engine takes them, and nothing else differs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "server/circuit/engine/chunk_run.h"
#include "server/circuit/engine/engine_plan.h"
#include "server/circuit/engine/engine_weights.h"
#include "server/circuit/engine/seqcont_mlp_means.h"
#include "server/circuit/engine/shared_run.h"
#include "server/circuit/node_pruning.h"
#include "server/circuit/node_scorer.h"
#include "server/model/gpt2.h"
#include "server/model/prompt_pair.h"

namespace circuitd {

class FastNodeScorer : public NodeScorer {
 public:
  // As PlainNodeScorer::Create, for a float32 network. `pairs` have to outlive the scorer, too. Where memory runs short
  // all the same, it starts again with half as many prompts side by side, and keeps less.
  static absl::StatusOr<std::unique_ptr<FastNodeScorer>> Create(const Gpt2& network, const PromptPairs& pairs,
                                                                const NodePruningOptions& options,
                                                                const Checkpoint& checkpoint);

  double full_logit_diff() const override { return full_logit_diff_; }
  absl::StatusOr<double> Score(const NodeSet& circuit) override;
  // Candidates of one layer after the other, in any order and any number of times, cost the least.
  absl::StatusOr<double> ScoreWithout(const NodeSet& circuit, const Node& node) override;

 private:
  FastNodeScorer(const Gpt2& network, const PromptPairs& pairs, const NodePruningOptions& options,
                 const Checkpoint& checkpoint);

  // Chunks and means, as `shrink_` plans them; where memory runs out, as a larger one does.
  absl::Status Prepare();
  absl::Status TryPrepare();
  // Plans for less memory from now on; false if there is nothing to leave out.
  bool Shrink();
  void MakeChunks();

  // Mean over the clean prompts, in logits, of `circuit` without `node`.
  absl::StatusOr<double> LogitDiff(const NodeSet& circuit, std::optional<Node> node);
  absl::StatusOr<double> TryLogitDiff(const NodeSet& circuit, std::optional<Node> node);
  absl::StatusOr<double> CircuitLogitDiff(const CircuitLayers& circuit);
  absl::StatusOr<double> CandidateLogitDiff(const CircuitLayers& circuit, Node node, const CircuitLayers& candidate);
  // The clean prompts' streams after the attention of the first layer where they and the corrupted ones part; that
  // layer. On the way the means that are not known are taken.
  absl::StatusOr<int> RunShared(const CircuitLayers& circuit, Node node, const CircuitLayers& candidate,
                                std::vector<MidStream>& clean);
  // Whether a candidate's clean and corrupted runs begin alike, and both are needed.
  bool RunsShare(const CircuitLayers& circuit, Node node, const CircuitLayers& candidate) const;
  // Of the MLPs that `candidate` ablates: `circuit` without `node`, or `circuit` itself.
  absl::StatusOr<MlpMeanTensors> Means(const CircuitLayers& circuit, std::optional<Node> node,
                                       const CircuitLayers& candidate);
  // What is kept for one way of running is not for the other.
  void SetShared(bool is_shared);

  const Gpt2& network_;
  const NodePruningOptions options_;
  const Checkpoint& checkpoint_;
  const PromptPairs& pairs_;
  const EngineLoad load_;
  int shrink_ = 0;
  bool prepared_ = false;
  EnginePlan plan_;
  std::optional<EngineWeights> weights_;
  // By chunk of the pairs. There are no shared runs where they would share nothing.
  std::vector<ChunkRun> clean_, corrupted_;
  std::vector<SharedRun> shared_;
  bool is_shared_ = false;
  std::vector<at::Tensor> answer_directions_;
  // MlpMeans::kSeqcont's; without them the unablated model's serve every candidate.
  std::unique_ptr<SeqcontMlpMeans> seqcont_means_;
  MlpMeanTensors unablated_means_;
  double full_logit_diff_ = 0;
};

}  // namespace circuitd
