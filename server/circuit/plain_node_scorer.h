// The plain engine of node pruning: whole forward passes for every candidate. The reference for faster ones.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "server/circuit/node_pruning.h"
#include "server/circuit/node_scorer.h"
#include "server/model/gpt2.h"
#include "server/model/metric.h"
#include "server/model/micro_batch.h"
#include "server/patching/activation_means.h"

namespace circuitd {

class PlainNodeScorer : public NodeScorer {
 public:
  // Runs the unablated model on both prompt sets. `network` and `checkpoint` have to outlive the scorer.
  // FAILED_PRECONDITION with the value if the unablated logit difference is not finite and positive.
  static absl::StatusOr<std::unique_ptr<PlainNodeScorer>> Create(const Gpt2& network, const PromptPairs& pairs,
                                                                 const NodePruningOptions& options,
                                                                 const Checkpoint& checkpoint);

  // How many prompts it runs side by side.
  static int64_t MicroBatchPrompts(const Gpt2& network, const PromptPairs& pairs, const NodePruningOptions& options);

  double full_logit_diff() const override { return full_logit_diff_; }
  absl::StatusOr<double> Score(const NodeSet& circuit) override;

 private:
  PlainNodeScorer(const Gpt2& network, const PromptPairs& pairs, const NodePruningOptions& options,
                  const Checkpoint& checkpoint);

  // Means over the corrupted prompts in a run with `ablation`.
  absl::StatusOr<ActivationMeans> CorruptedMeans(const CaptureLayers& layers, Hooks* ablation);
  // Mean over the clean prompts, in logits.
  absl::StatusOr<double> LogitDiff(Hooks* ablation);

  const Gpt2& network_;
  const NodePruningOptions options_;
  const Checkpoint& checkpoint_;
  std::vector<std::vector<int>> clean_, corrupted_;
  std::vector<MicroBatch> batches_;  // of both
  std::vector<Answer> answers_;      // of the clean prompts
  ActivationMeans means_;            // of the unablated model
  double full_logit_diff_ = 0;
};

}  // namespace circuitd
