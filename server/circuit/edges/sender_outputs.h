// What each sender of the graph writes to the residual stream in whole runs.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "absl/status/statusor.h"
#include "base/checkpoint.h"
#include "server/model/gpt2.h"
#include "server/model/micro_batch.h"

namespace circuitd {

// Of a run over tokens [batch, pos], by rank: [n_senders, batch, pos, d_model]; heads' outputs are without b_O.
// `ablation` (may be null) sees each value before it is taken. Throws torch's exceptions.
at::Tensor SenderOutputs(const Gpt2& network, const at::Tensor& tokens, Hooks* ablation);

// Their means over `prompts` (not empty), for each position over those that have it: [n_senders, 1, max_pos, d_model].
// Errors as ForEachMicroBatch.
absl::StatusOr<at::Tensor> MeanSenderOutputs(const Gpt2& network, const std::vector<std::vector<int>>& prompts,
                                             const std::vector<MicroBatch>& batches, const Checkpoint& checkpoint);

}  // namespace circuitd
