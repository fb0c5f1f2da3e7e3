#include "server/patching/suffix_batches.h"

#include <algorithm>

#include "server/model/metric_values.h"
#include "server/patching/suffix_run.h"

namespace circuitd {
namespace {

// Beside a forward pass's own: changes and the residual streams made of them, keys and values of all positions.
int64_t SuffixBytesPerToken(const Gpt2& network) {
  return 8 * int64_t{network.config().d_model} * static_cast<int64_t>(c10::elementSize(network.dtype()));
}

}  // namespace

MicroBatchLimits PatchingLimits(const Gpt2& network, int64_t budget_bytes, int64_t kept_bytes_per_token) {
  MicroBatchLimits limits = MetricLimits(network, budget_bytes);
  limits.extra_bytes_per_token += kept_bytes_per_token + SuffixBytesPerToken(network);
  return limits;
}

SuffixLimits SuffixLimitsFor(const Gpt2& network, const BaseRun& base, int64_t budget_bytes,
                             int64_t kept_bytes_per_token) {
  // More rows at once gain nothing: on a CPU a large model is as fast from a hundred rows on, a small one needs these
  // to make up for what each call costs.
  constexpr int64_t kCpuRows = 1024, kGpuRows = 16384;
  const MicroBatchLimits limits = PatchingLimits(network, budget_bytes, 0);
  const int64_t left = budget_bytes - base.batch() * base.pos() * kept_bytes_per_token;
  const int64_t of_copy = ActivationBytes(network.config(), 1, base.pos(), limits);
  return {limits.max_flops, std::max<int64_t>(1, left / of_copy), network.device().is_cpu() ? kCpuRows : kGpuRows};
}

std::vector<size_t> SplitSuffixes(const ModelConfig& config, int64_t pos, int layer, absl::Span<const SuffixSize> sizes,
                                  const SuffixLimits& limits) {
  std::vector<size_t> counts;
  SuffixSize total;
  for (const SuffixSize& size : sizes) {
    total.copies += size.copies;
    total.rows += size.rows;
    if (!counts.empty() && total.copies <= limits.max_copies && total.rows <= limits.max_rows &&
        SuffixFlops(config, pos, layer, total.copies, total.rows) <= limits.max_flops) {
      ++counts.back();
    } else {
      counts.push_back(1);
      total = size;
    }
  }
  return counts;
}

}  // namespace circuitd
