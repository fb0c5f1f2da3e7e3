// Means over prompts, position by position, of activations that are kept by row.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "server/circuit/engine/prompt_rows.h"
#include "server/patching/position_means.h"

namespace circuitd {

// PositionMeans of rows: a position's mean is over the prompts that have it, whichever row stands for them. Not
// thread-safe.
class RowMeans {
 public:
  // Of prompts of at most `max_pos` tokens.
  explicit RowMeans(int64_t max_pos) : means_(max_pos) {}

  // values [rows or final rows, width] of one chunk of the prompts.
  void Add(const PromptRows& rows, bool final_only, const at::Tensor& values);

  // [max_pos, width] float32; 0 at positions that nothing was added for. Something must have been added.
  at::Tensor Mean() const { return means_.Mean(at::kFloat); }

 private:
  PositionMeans means_;
};

}  // namespace circuitd
