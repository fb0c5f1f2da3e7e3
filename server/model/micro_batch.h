// Prompts run in micro-batches: right-padded pieces that stay within a memory budget.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/checkpoint.h"
#include "server/model/config.h"
#include "server/model/micro_batch_limits.h"

namespace circuitd {

// Of runs on `device`: on a CPU a forward pass is bounded to about a quarter of a second, of cores that
// make 50 GFLOP/s, whether it has one of them or more.
MicroBatchLimits LimitsFor(at::Device device, at::ScalarType dtype, int64_t budget_bytes);

// The entries of `all`, which has one for each prompt, that belong to a micro-batch.
template <typename T>
absl::Span<const T> Rows(const std::vector<T>& all, MicroBatch batch) {
  return absl::MakeConstSpan(all).subspan(batch.begin, batch.end - batch.begin);
}

// Adds a micro-batch's entries to those of the ones before it.
template <typename T>
void Append(std::vector<T>& all, const std::vector<T>& of_batch) {
  all.insert(all.end(), of_batch.begin(), of_batch.end());
}

// Splits prompts, in order, so that each micro-batch is within the limits; a prompt that is over them alone is a
// micro-batch of its own. Never empty ones.
std::vector<MicroBatch> SplitIntoMicroBatches(const ModelConfig& config, absl::Span<const std::vector<int>> prompts,
                                              const MicroBatchLimits& limits);

// How many prompts of `pos` tokens, at most, run side by side within the limits: at least one.
int64_t PromptsWithin(const ModelConfig& config, int64_t pos, const MicroBatchLimits& limits);

// `prompts` in micro-batches of `size`; the last one may be smaller.
std::vector<MicroBatch> MicroBatchesOf(size_t prompts, size_t size);

// Calls `run` for each micro-batch, in order, `checkpoint` (may be empty) before each. When `run` answers
// RESOURCE_EXHAUSTED its prompts are tried again in halves, down to one; so a failed `run` must have no effect. After
// each success `deliver` (may be empty) is called, once for the same prompts. Stops at the first other error.
absl::Status ForEachMicroBatch(const std::vector<MicroBatch>& batches, const Checkpoint& checkpoint,
                               absl::FunctionRef<absl::Status(MicroBatch)> run,
                               const std::function<absl::Status(MicroBatch)>& deliver = nullptr);

// Prompts side by side, padded on the right with token 0. Attention is causal, so padding changes nothing before it.
struct PaddedPrompts {
  at::Tensor tokens;   // [batch, pos] int64
  at::Tensor lengths;  // [batch] int64
};

PaddedPrompts Pad(absl::Span<const std::vector<int>> prompts, at::Device device);

// The rows of x [batch, pos, ...] at each prompt's last position: [batch, ...].
at::Tensor AtLastPosition(const at::Tensor& x, const PaddedPrompts& prompts);

}  // namespace circuitd
