// Mean z and mlp_out of every layer, captured in a run over prompts.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "absl/status/statusor.h"
#include "base/checkpoint.h"
#include "server/model/gpt2.h"
#include "server/model/micro_batch.h"

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

// Of micro-batches of prompts of at most `max_pos` tokens that CaptureMeans takes any means of.
MicroBatchLimits CaptureMeansLimits(const Gpt2& network, int64_t max_pos, int64_t budget_bytes);

// Runs `prompts` (not empty) in `batches`, up to the highest layer that is captured, and returns the means in the
// network's dtype. `ablation` (may be null) sees each value before it is captured. Errors as ForEachMicroBatch.
absl::StatusOr<ActivationMeans> CaptureMeans(const Gpt2& network, const std::vector<std::vector<int>>& prompts,
                                             const std::vector<MicroBatch>& batches, const CaptureLayers& layers,
                                             Hooks* ablation, const Checkpoint& checkpoint);

}  // namespace circuitd
