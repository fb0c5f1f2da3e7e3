// The embedding as later heads see it: the residual stream after layer 0, which MLP 0 has written to.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "absl/status/statusor.h"
#include "server/model/gpt2.h"
#include "server/model/micro_batch.h"
#include "server/readings/activation_rows.h"

namespace circuitd {

// At positions of a micro-batch's prompts, which `all_prompts` has: [positions, d_model]. FAILED_PRECONDITION, naming
// the prompt, if it is not finite. Torch's exceptions go through.
absl::StatusOr<at::Tensor> ExtendedEmbedding(const Gpt2& network, const std::vector<std::vector<int>>& all_prompts,
                                             MicroBatch batch, absl::Span<const PromptPosition> positions);

// The limits of micro-batches that keep it.
MicroBatchLimits ExtendedEmbeddingLimits(const Gpt2& network, int64_t budget_bytes);

}  // namespace circuitd
