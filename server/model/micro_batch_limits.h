// Pieces that prompts run in, and what they may take. Without torch.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/model/config.h"

namespace circuitd {

// Consecutive prompts [begin, end).
struct MicroBatch {
  size_t begin = 0;
  size_t end = 0;
};

// What a micro-batch may take.
struct MicroBatchLimits {
  int64_t budget_bytes = 0;
  // Operations of one forward pass, so that others get their turn soon enough.
  double max_flops = 0;
  int64_t element_size = 4;  // of activations
  // What the caller holds beside a forward pass's own activations.
  int64_t extra_bytes_per_token = 0;
  int64_t extra_bytes_per_prompt = 0;
};

// What is within both, where `budget_bytes` is that of all together: what either holds beside its micro-batches, and so
// lacks in its own budget, is missing to both.
MicroBatchLimits Strictest(const MicroBatchLimits& a, const MicroBatchLimits& b, int64_t budget_bytes);

// Upper bound of the bytes that a run over [batch, pos] tokens takes at once, the last position's logits included.
int64_t ActivationBytes(const ModelConfig& config, int64_t batch, int64_t pos, const MicroBatchLimits& limits);

}  // namespace circuitd
