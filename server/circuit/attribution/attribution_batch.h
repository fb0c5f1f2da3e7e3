// A micro-batch of pairs, and what the methods with gradients make of it.
#pragma once

#include <ATen/ATen.h>

#include <cstddef>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/checkpoint.h"
#include "server/circuit/attribution/edge_gradients.h"
#include "server/model/gpt2.h"
#include "server/model/metric.h"
#include "server/model/micro_batch.h"

namespace circuitd {

struct AttributionBatch {
  const Gpt2& network;
  const PaddedPrompts& clean;
  absl::Span<const Answer> answers;
  Metric metric;
  at::Tensor clean_logits;  // of the clean run, at the last positions [batch, d_vocab]
  // What senders write, by SenderRank: outside values [n_senders, batch or 1, pos, d_model], and these minus the clean
  // run's, 0 at padding, [n_senders, batch, pos, d_model], float32 at least.
  at::Tensor outside;
  at::Tensor differences;
  size_t first_pair = 0;  // number of the first pair, for messages
  const Checkpoint& checkpoint;
};

// What the senders of ranks [begin, begin + count) write together where each is outside + fraction * (clean - outside):
// [batch, pos, d_model].
at::Tensor Interpolated(const AttributionBatch& batch, int begin, int count, double fraction);

// 0 for each edge: [n_receivers, n_senders] float64.
at::Tensor NoEffects(const AttributionBatch& batch);

// Adds to `sums` for each edge what its sender's difference makes of the gradient in one run. As RunWithGradients.
absl::Status AddRunEffects(const AttributionBatch& batch, const at::Tensor& embedding,
                           const std::optional<ReplacedOutput>& replaced, at::Tensor& sums);

// One file a method: for each edge the sum over the batch's pairs, [n_receivers, n_senders] float64. `steps` is m. As
// RunWithGradients.
absl::StatusOr<at::Tensor> EapSums(const AttributionBatch& batch);
absl::StatusOr<at::Tensor> EapIgInputsSums(const AttributionBatch& batch, int steps);
absl::StatusOr<at::Tensor> EapIgActivationsSums(const AttributionBatch& batch, int steps);

}  // namespace circuitd
