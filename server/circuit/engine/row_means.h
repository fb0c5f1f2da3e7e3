// Means over prompts, position by position, of activations that are kept by row.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "server/circuit/engine/prompt_rows.h"

namespace circuitd {

// As PositionMeans, for rows: a position's mean is over the prompts that have it. Sums are float64, so that neither
// chunks nor the order of sums show. Not thread-safe.
class RowMeans {
 public:
  // Of prompts of at most `max_pos` tokens.
  explicit RowMeans(int64_t max_pos) : max_pos_(max_pos) {}

  // values [rows or final rows, width] of one chunk of the prompts.
  void Add(const PromptRows& rows, bool final_only, const at::Tensor& values);

  // [max_pos, width] float32; 0 at positions that nothing was added for. Something must have been added.
  at::Tensor Mean() const;

 private:
  int64_t max_pos_;
  at::Tensor sum_;    // [max_pos, width] float64
  at::Tensor count_;  // [max_pos] float64
};

}  // namespace circuitd
