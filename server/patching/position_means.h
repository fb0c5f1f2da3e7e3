// Means of an activation over prompts, for each position apart.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace circuitd {

// Adds up values of prompts of different lengths; a position's mean is over the prompts that have it. Sums are kept in
// float64, so that how the prompts were split into micro-batches does not show. Not thread-safe.
class PositionMeans {
 public:
  // For prompts of at most `max_pos` tokens.
  explicit PositionMeans(int64_t max_pos) : max_pos_(max_pos) {}

  // value [batch, pos, ...]; lengths [batch] int64, on the same device.
  void Add(const at::Tensor& value, const at::Tensor& lengths);

  // Instead of Add: value [batch, n_heads, query, key] of attention, whose means are [max_pos, n_heads, max_pos], by
  // query, head and key.
  void AddAttention(const at::Tensor& value, const at::Tensor& lengths);

  // value [batch, pos, ...] of prompts that all have `pos` tokens.
  void AddWhole(const at::Tensor& value);

  // value [rows, width] at `positions` [rows] int64; a row stands for `prompts` [rows] float64 of them, or for one each
  // where that is undefined.
  void AddRows(const at::Tensor& value, const at::Tensor& positions, const at::Tensor& prompts);

  // As if what was added to `other` had been added here.
  void Merge(const PositionMeans& other);

  // [max_pos, ...] in `dtype`; 0 at positions that no prompt has. Something must have been added.
  at::Tensor Mean(at::ScalarType dtype) const;

 private:
  void CreateSums(const std::vector<int64_t>& shape, const at::Tensor& like);
  // sums [pos, ...]: those of the positions that value [batch, pos, ...] has.
  void AddTo(at::Tensor sums, const at::Tensor& value, const at::Tensor& lengths);

  int64_t max_pos_;
  at::Tensor sum_;    // [max_pos, ...] float64; undefined until something is added
  at::Tensor count_;  // [max_pos] float64
};

}  // namespace circuitd
