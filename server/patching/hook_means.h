// Means of hook points' values over prompts, for each position apart.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "base/checkpoint.h"
#include "server/model/gpt2.h"
#include "server/model/hook_sizes.h"

namespace circuitd {

// In the dtype of the values: [max_pos, width], [max_pos, n_heads, width], or, of hook points of attention,
// [max_pos (query), n_heads, max_pos (key)].
using HookMeans = std::map<HookPoint, at::Tensor, HookPointLess>;

// Runs `prompts` (not empty) in micro-batches, up to the highest of `points`, and returns the means of these.
// `ablation` (may be null) sees each value before it is added up. Errors as ForEachMicroBatch.
absl::StatusOr<HookMeans> CaptureHookMeans(const Gpt2& network, const std::vector<std::vector<int>>& prompts,
                                           const std::vector<HookPoint>& points, Hooks* ablation,
                                           int64_t memory_budget_bytes, const Checkpoint& checkpoint);

}  // namespace circuitd
