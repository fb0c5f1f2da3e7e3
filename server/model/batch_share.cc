#include "server/model/batch_share.h"

#include <algorithm>

#include "server/model/forward_flops.h"
#include "server/model/prompt_length.h"

namespace circuitd {

BatchShare ShareOf(const ModelConfig& config, const std::vector<std::vector<int>>& prompts,
                   const MicroBatchLimits& limits) {
  BatchShare share;
  share.prompts = static_cast<int64_t>(prompts.size());
  share.longest = static_cast<int64_t>(LongestPrompt(prompts));
  for (const auto& prompt : prompts) share.flops += ForwardFlops(config, 1, static_cast<int64_t>(prompt.size()));
  share.limits = limits;
  return share;
}

std::optional<BatchShare> Together(const ModelConfig& config, const BatchShare& a, const BatchShare& b,
                                   int64_t budget_bytes) {
  // Of the work, and of a full micro-batch: about a millisecond, which no device notices.
  constexpr double kPaddingOfWork = 0.25, kPaddingOfFull = 1.0 / 250;
  if (a.prepares || b.prepares) return std::nullopt;
  const BatchShare both{a.prompts + b.prompts, std::max(a.longest, b.longest), a.flops + b.flops,
                        Strictest(a.limits, b.limits, budget_bytes), false};
  const double padded = ForwardFlops(config, both.prompts, both.longest);
  if (padded > both.limits.max_flops) return std::nullopt;
  if (padded - both.flops > kPaddingOfWork * both.flops + kPaddingOfFull * both.limits.max_flops) return std::nullopt;
  if (ActivationBytes(config, both.prompts, both.longest, both.limits) > both.limits.budget_bytes) return std::nullopt;
  return both;
}

}  // namespace circuitd
