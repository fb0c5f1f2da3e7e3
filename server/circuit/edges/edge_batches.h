// The pairs that edge-masked runs are over, micro-batch by micro-batch, with what edges outside of a set carry.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/checkpoint.h"
#include "server/circuit/edges/edge_scorer.h"
#include "server/circuit/edges/masked_run.h"
#include "server/circuit/node_ablation.h"
#include "server/model/gpt2.h"
#include "server/model/layer_products.h"
#include "server/model/micro_batch.h"
#include "server/patching/activation_means.h"
#include "server/patching/paired_runs.h"
#include "server/patching/patched_metric.h"

namespace circuitd {

// What a scorer makes of a micro-batch, to live as long as that.
class EdgeBatchKeep {
 public:
  virtual ~EdgeBatchKeep() = default;
};

struct EdgeBatch {
  MicroBatch rows;
  PaddedPrompts prompts;  // that the runs start from
  MaskedRunSetting setting;
  at::Tensor clean_logits;  // of the unablated model on the clean prompts; of kKlDiv only
  // In positions before it nothing differs between runs. The longest prompt's length if they are all alike.
  int64_t first = 0;
  // Whether it lives on after the call.
  bool keeps = false;
  std::unique_ptr<EdgeBatchKeep> keep;  // the scorer's
};

// Not thread-safe; on the device's worker.
class EdgeBatches {
 public:
  struct Plan {
    // What the caller makes of a batch that lives on (EdgeBatch::keep).
    int64_t kept_bytes_per_token = 0;
    // Whether there are enough runs for packed weights to pay.
    bool packs_weights = false;
  };

  // Runs what the outside values are made of. `network`, `pairs` and `checkpoint` have to outlive it. Errors as
  // EdgeScorer's.
  static absl::StatusOr<std::unique_ptr<EdgeBatches>> Create(const Gpt2& network, const PromptPairs& pairs,
                                                             const EdgeScorerOptions& options, const Plan& plan,
                                                             const Checkpoint& checkpoint);

  // How many prompts run side by side.
  static int64_t MicroBatchPrompts(const Gpt2& network, const PromptPairs& pairs, const EdgeScorerOptions& options);
  // The limits of these.
  static MicroBatchLimits Limits(const Gpt2& network, int64_t budget_bytes);
  // What of the budget packed weights may take: all of them, or none.
  static int64_t PackedBytes(const Gpt2& network, int64_t budget_bytes);

  // Of each value that `run` gives for a micro-batch's pairs, summed over these, the mean over all pairs. A micro-batch
  // that is short of memory is tried again in halves, after all that was kept is let go: `run` must have no effect
  // then. A checkpoint comes before each. `run` gives `count` values.
  absl::StatusOr<std::vector<double>> Means(size_t count,
                                            absl::FunctionRef<absl::StatusOr<std::vector<double>>(EdgeBatch&)> run);

  PatchedMetric MetricOf(const EdgeBatch& batch) const;
  // Of all of the batch's prompts, summed: residual [batch, pos, d_model] as the logits read it.
  absl::StatusOr<double> MetricSum(const EdgeBatch& batch, const at::Tensor& residual) const;

  double model_metric() const { return model_metric_; }
  const Gpt2& network() const { return network_; }

 private:
  struct Slot {
    MicroBatch rows;
    bool keeps = false;
    std::unique_ptr<EdgeBatch> kept;
  };

  EdgeBatches(const Gpt2& network, const PromptPairs& pairs, const EdgeScorerOptions& options, const Plan& plan,
              const Checkpoint& checkpoint);

  std::vector<MicroBatch> AllRows() const;
  absl::Status PrepareCommonOutside();
  absl::Status PrepareWithin(const WithinCircuit& within);
  absl::Status MeasureModel();
  // Which of the slots may keep something.
  void ShareBudget(int64_t bytes_per_token);
  absl::StatusOr<std::unique_ptr<EdgeBatch>> Prepare(const Slot& slot);
  absl::StatusOr<std::vector<double>> RunSlot(Slot& slot,
                                              absl::FunctionRef<absl::StatusOr<std::vector<double>>(EdgeBatch&)> run);

  const Gpt2& network_;
  const EdgeScorerOptions options_;
  const Checkpoint& checkpoint_;
  const LayerProducts products_;
  const PairColumns columns_;
  std::vector<Slot> slots_;
  at::Tensor common_outside_;  // kMean, kZero: [n_senders, 1, max_pos, d_model]
  ActivationMeans means_;      // of the nodes outside of `within`
  std::unique_ptr<NodeAblation> ablation_;
  std::vector<bool> fixed_;
  double model_metric_ = 0;
};

}  // namespace circuitd
