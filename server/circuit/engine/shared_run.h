// Runs over the clean and the corrupted prompts of some pairs at once.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "base/checkpoint.h"
#include "server/circuit/engine/chunk_run.h"
#include "server/circuit/engine/engine_weights.h"
#include "server/circuit/engine/prompt_rows.h"
#include "server/model/gpt2.h"

namespace circuitd {

// Up to the attention of the layer with the lowest ablated MLP, the clean prompts' run and the one that MLPs' means are
// taken from have the same nodes: there a pair's two prompts share the rows of what they begin with.
class SharedRun {
 public:
  // `clean` and `corrupted` are the rows of the same prompts apart. The rest as ChunkRun's.
  SharedRun(const Gpt2& network, EngineWeights& weights, const std::vector<ReadPrompt>& clean_prompts,
            const std::vector<ReadPrompt>& corrupted_prompts, const PromptRows& clean, const PromptRows& corrupted,
            const Keeps& keeps, const Checkpoint& checkpoint);

  ChunkRun& both() { return both_; }

  // The rows of one of them, as they are numbered there. Where the clean prompts part their MLP is ablated: they need
  // no product.
  MidStream Clean(const MidStream& mid) const { return Select({mid.stream, {}}, clean_rows_, clean_final_); }
  MidStream Corrupted(const MidStream& mid) const { return Select(mid, corrupted_rows_, corrupted_final_); }

 private:
  static MidStream Select(const MidStream& mid, const at::Tensor& rows, const at::Tensor& final_rows);

  ChunkRun both_;
  at::Tensor clean_rows_, corrupted_rows_;    // of theirs: the row here
  at::Tensor clean_final_, corrupted_final_;  // of their final rows: the final row here
};

}  // namespace circuitd
