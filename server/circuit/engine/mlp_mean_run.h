// Takes the means of some MLPs in a run over the corrupted prompts.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/checkpoint.h"
#include "server/circuit/engine/chunk_run.h"
#include "server/circuit/engine/circuit_layers.h"
#include "server/circuit/engine/row_means.h"
#include "server/model/gpt2.h"

namespace circuitd {

// The highest MLP's mean is taken before its second product, since the two commute; so are the others'.
class MlpMeanRun {
 public:
  // Of the MLPs of `layers` (not empty, ascending), in a run of `candidate` with all its MLPs, over prompts of at most
  // `max_pos` tokens. `network` has to outlive it.
  MlpMeanRun(const Gpt2& network, const CircuitLayers& candidate, const std::vector<int>& layers, int64_t max_pos);

  // Goes on with one chunk from `mid`, the stream after the attention of `layer`, which is at most the lowest of the
  // layers. A checkpoint's error as it is, torch's exceptions.
  absl::Status Run(ChunkRun& chunk, int layer, MidStream mid);

  // After all chunks. By layer: [max_pos, d_model]. Errors as Run's; `checkpoint` is checked before each layer.
  absl::StatusOr<std::map<int, at::Tensor>> Means(const Checkpoint& checkpoint) const;

 private:
  const Gpt2& network_;
  const CircuitLayers run_;
  std::map<int, RowMeans> posts_;
};

}  // namespace circuitd
