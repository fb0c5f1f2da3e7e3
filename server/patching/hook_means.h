// Means of hook points' values over prompts, for each position apart.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "base/checkpoint.h"
#include "server/model/gpt2.h"
#include "server/model/hook_sizes.h"
#include "server/model/micro_batch.h"

namespace circuitd {

// In the dtype of the values: [max_pos, width], [max_pos, n_heads, width], or, of hook points of attention,
// [max_pos (query), n_heads, max_pos (key)].
using HookMeans = std::map<HookPoint, at::Tensor, HookPointLess>;

// Of micro-batches of prompts of at most `max_pos` tokens, whose means at `points` are taken.
MicroBatchLimits HookMeansLimits(const Gpt2& network, const std::vector<HookPoint>& points, int64_t max_pos,
                                 int64_t budget_bytes);

// Runs `prompts` (not empty) in `batches`, up to the highest of `points`, and returns the means of these. `ablation`
// (may be null) sees each value before it is added up. Errors as ForEachMicroBatch.
absl::StatusOr<HookMeans> CaptureHookMeans(const Gpt2& network, const std::vector<std::vector<int>>& prompts,
                                           const std::vector<MicroBatch>& batches, const std::vector<HookPoint>& points,
                                           Hooks* ablation, const Checkpoint& checkpoint);

}  // namespace circuitd
