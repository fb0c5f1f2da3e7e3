#include "server/model/micro_batch.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "base/status.h"
#include "server/model/forward_flops.h"
#include "server/model/prompt_length.h"

namespace circuitd {

MicroBatchLimits LimitsFor(at::Device device, at::ScalarType dtype, int64_t budget_bytes) {
  constexpr double kCpuFlopsOfThread = 12.5e9, kGpuFlops = 1e12;
  constexpr int kThreads = 2;
  MicroBatchLimits limits;
  limits.budget_bytes = budget_bytes;
  limits.max_flops = device.is_cpu() ? kCpuFlopsOfThread * std::min(at::get_num_threads(), kThreads) : kGpuFlops;
  limits.element_size = static_cast<int64_t>(c10::elementSize(dtype));
  return limits;
}

MicroBatchLimits Strictest(const MicroBatchLimits& a, const MicroBatchLimits& b, int64_t budget_bytes) {
  MicroBatchLimits limits = a;
  limits.budget_bytes = std::max<int64_t>(1, a.budget_bytes + b.budget_bytes - budget_bytes);
  limits.max_flops = std::min(a.max_flops, b.max_flops);
  limits.extra_bytes_per_token = std::max(a.extra_bytes_per_token, b.extra_bytes_per_token);
  limits.extra_bytes_per_prompt = std::max(a.extra_bytes_per_prompt, b.extra_bytes_per_prompt);
  return limits;
}

int64_t ActivationBytes(const ModelConfig& config, int64_t batch, int64_t pos, const MicroBatchLimits& limits) {
  // Alive at once at most: residual, normalized, q, k, v, z, output and a temporary [pos, d_model]; scores, masked
  // scores and pattern [n_heads, pos, pos]; pre and post [pos, d_mlp]; logits and their logarithm in float32 [d_vocab].
  const int64_t elements =
      pos * (8 * int64_t{config.d_model} + 2 * int64_t{config.d_mlp}) + 3 * int64_t{config.n_heads} * pos * pos;
  return batch * (elements * limits.element_size + pos * limits.extra_bytes_per_token +
                  2 * 4 * int64_t{config.d_vocab} + limits.extra_bytes_per_prompt);
}

std::vector<MicroBatch> SplitIntoMicroBatches(const ModelConfig& config, absl::Span<const std::vector<int>> prompts,
                                              const MicroBatchLimits& limits) {
  std::vector<MicroBatch> batches;
  size_t longest = 0;
  for (size_t i = 0; i < prompts.size(); ++i) {
    longest = std::max(longest, prompts[i].size());
    const int64_t size = batches.empty() ? 0 : i + 1 - batches.back().begin;
    if (size > 0 && ActivationBytes(config, size, longest, limits) <= limits.budget_bytes &&
        ForwardFlops(config, size, longest) <= limits.max_flops) {
      batches.back().end = i + 1;
    } else {
      batches.push_back({i, i + 1});
      longest = prompts[i].size();
    }
  }
  return batches;
}

int64_t PromptsWithin(const ModelConfig& config, int64_t pos, const MicroBatchLimits& limits) {
  // Both grow with the number of prompts.
  const int64_t in_memory = limits.budget_bytes / ActivationBytes(config, 1, pos, limits);
  const double in_time = limits.max_flops / ForwardFlops(config, 1, pos);
  return std::max<int64_t>(1, in_time < static_cast<double>(in_memory) ? static_cast<int64_t>(in_time) : in_memory);
}

std::vector<MicroBatch> MicroBatchesOf(size_t prompts, size_t size) {
  std::vector<MicroBatch> batches;
  for (size_t begin = 0; begin < prompts; begin += size) batches.push_back({begin, std::min(begin + size, prompts)});
  return batches;
}

absl::Status ForEachMicroBatch(const std::vector<MicroBatch>& batches, const Checkpoint& checkpoint,
                               absl::FunctionRef<absl::Status(MicroBatch)> run,
                               const std::function<absl::Status(MicroBatch)>& deliver) {
  std::vector<MicroBatch> waiting(batches.rbegin(), batches.rend());
  while (!waiting.empty()) {
    const MicroBatch batch = waiting.back();
    waiting.pop_back();
    if (checkpoint) RETURN_IF_ERROR(checkpoint());
    const absl::Status status = run(batch);
    if (status.ok()) {
      if (deliver) RETURN_IF_ERROR(deliver(batch));
    } else if (absl::IsResourceExhausted(status) && batch.end - batch.begin > 1) {
      const size_t middle = (batch.begin + batch.end) / 2;
      waiting.push_back({middle, batch.end});
      waiting.push_back({batch.begin, middle});
    } else {
      return status;
    }
  }
  return absl::OkStatus();
}

PaddedPrompts Pad(absl::Span<const std::vector<int>> prompts, at::Device device) {
  const int64_t batch = prompts.size(), pos = LongestPrompt(prompts);
  at::Tensor tokens = at::zeros({batch, pos}, at::kLong);
  at::Tensor lengths = at::empty({batch}, at::kLong);
  for (int64_t i = 0; i < batch; ++i) {
    std::copy(prompts[i].begin(), prompts[i].end(), tokens.data_ptr<int64_t>() + i * pos);
    lengths.data_ptr<int64_t>()[i] = prompts[i].size();
  }
  return {tokens.to(device), lengths.to(device)};
}

at::Tensor AtLastPosition(const at::Tensor& x, const PaddedPrompts& prompts) {
  const at::Tensor rows = at::arange(x.size(0), prompts.lengths.options());
  return x.index({rows, prompts.lengths - 1});
}

}  // namespace circuitd
