// What the unablated model's heads and MLPs write on average on the corrupted prompts.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "absl/status/statusor.h"
#include "base/checkpoint.h"
#include "server/circuit/engine/chunk_run.h"
#include "server/circuit/engine/engine_weights.h"
#include "server/model/gpt2.h"

namespace circuitd {

// By layer, at the positions that any circuit reads there.
struct UnablatedMeans {
  std::vector<at::Tensor> z;        // [max_pos, n_heads, d_head]
  std::vector<at::Tensor> mlp_out;  // [max_pos, d_model]
};

// Of prompts of at most `max_pos` tokens. `weights` needs no means for it. A checkpoint's error as it is, torch's
// exceptions.
absl::StatusOr<UnablatedMeans> TakeUnablatedMeans(const Gpt2& network, EngineWeights& weights,
                                                  const std::vector<ChunkRun>& corrupted, int64_t max_pos,
                                                  const Checkpoint& checkpoint);

}  // namespace circuitd
