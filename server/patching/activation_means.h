// Mean z and mlp_out of every layer, captured in a run over prompts.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "absl/status/statusor.h"
#include "base/checkpoint.h"
#include "server/model/gpt2.h"

namespace circuitd {

// By layer; undefined where nothing was captured.
struct ActivationMeans {
  std::vector<at::Tensor> z;        // [max_pos, n_heads, d_head]
  std::vector<at::Tensor> mlp_out;  // [max_pos, d_model]
};

// What to capture: layers' z and mlp_out.
struct CaptureLayers {
  std::vector<bool> z;
  std::vector<bool> mlp_out;
};

// Runs `prompts` (not empty) in micro-batches, up to the highest layer that is captured, and returns the means in the
// network's dtype. `ablation` (may be null) sees each value before it is captured. Errors as ForEachMicroBatch.
absl::StatusOr<ActivationMeans> CaptureMeans(const Gpt2& network, const std::vector<std::vector<int>>& prompts,
                                             const CaptureLayers& layers, Hooks* ablation, int64_t memory_budget_bytes,
                                             const Checkpoint& checkpoint);

}  // namespace circuitd
