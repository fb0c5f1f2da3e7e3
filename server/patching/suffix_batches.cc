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
  // Products over more rows than these are no faster for each row.
  constexpr int64_t kCpuRows = 256, kGpuRows = 16384;
  const MicroBatchLimits limits = PatchingLimits(network, budget_bytes, 0);
  const int64_t left = budget_bytes - base.batch() * base.pos() * kept_bytes_per_token;
  const int64_t of_patch = ActivationBytes(network.config(), base.batch(), base.pos(), limits);
  return {limits.max_flops, std::max<int64_t>(1, left / of_patch), network.device().is_cpu() ? kCpuRows : kGpuRows};
}

std::vector<size_t> SplitPatches(const ModelConfig& config, const BaseRun& base, int layer,
                                 absl::Span<const int64_t> firsts, const SuffixLimits& limits) {
  std::vector<size_t> counts;
  int64_t rows = 0;
  for (const int64_t first : firsts) {
    const int64_t of_patch = base.batch() * (base.pos() - first);
    const int64_t patches = counts.empty() ? 0 : static_cast<int64_t>(counts.back());
    rows += of_patch;
    if (patches > 0 && patches < limits.max_patches && rows <= limits.max_rows &&
        SuffixFlops(config, base, layer, patches + 1, rows) <= limits.max_flops) {
      ++counts.back();
    } else {
      counts.push_back(1);
      rows = of_patch;
    }
  }
  return counts;
}

}  // namespace circuitd
