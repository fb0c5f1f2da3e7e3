// Prompts run in micro-batches: right-padded pieces that stay within a memory budget.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/model/checkpoint.h"
#include "server/model/config.h"

namespace circuitd {

// Consecutive prompts [begin, end).
struct MicroBatch {
  size_t begin = 0;
  size_t end = 0;
};

// Upper bound of the bytes that activations of a forward pass over [batch, pos] tokens take at once, the last
// position's logits included, at `element_size` bytes an element.
int64_t ActivationBytes(const ModelConfig& config, int64_t batch, int64_t pos, int64_t element_size);

// Splits prompts of these lengths, in order, so that each micro-batch's ActivationBytes are within `budget_bytes`; one
// that is over it alone is a micro-batch of its own. Never empty ones.
std::vector<MicroBatch> SplitIntoMicroBatches(const ModelConfig& config, absl::Span<const std::vector<int>> prompts,
                                              int64_t budget_bytes, int64_t element_size);

// Calls `run` for each micro-batch, in order, `checkpoint` (may be empty) before each. When `run` answers
// RESOURCE_EXHAUSTED its prompts are tried again in halves, down to one; so a failed `run` must have no effect.
// Stops at the first other error.
absl::Status ForEachMicroBatch(const std::vector<MicroBatch>& batches, const Checkpoint& checkpoint,
                               absl::FunctionRef<absl::Status(MicroBatch)> run);

// Prompts side by side, padded on the right with token 0. Attention is causal, so padding changes nothing before it.
struct PaddedPrompts {
  at::Tensor tokens;   // [batch, pos] int64
  at::Tensor lengths;  // [batch] int64
};

PaddedPrompts Pad(absl::Span<const std::vector<int>> prompts, at::Device device);

// The rows of x [batch, pos, ...] at each prompt's last position: [batch, ...].
at::Tensor AtLastPosition(const at::Tensor& x, const PaddedPrompts& prompts);

}  // namespace circuitd
