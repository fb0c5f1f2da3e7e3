// How much memory packed copies of weights may take.
#pragma once

#include <cstdint>

#include "server/model/packed_affine.h"

namespace circuitd {

// Packs weights while there is room. Not thread-safe.
class PackingBudget {
 public:
  explicit PackingBudget(int64_t bytes) : left_(bytes) {}

  // A product with `weight`, packed if that fits.
  PackedAffine Make(const at::Tensor& weight, const at::Tensor& bias) {
    const int64_t bytes = static_cast<int64_t>(weight.nbytes());
    PackedAffine affine(weight, bias, bytes <= left_);
    if (affine.packed()) left_ -= bytes;
    return affine;
  }
  // Gives back what Make took for a product with a weight of `elements` that is dropped.
  void Drop(const PackedAffine& affine, int64_t elements) {
    if (affine.packed()) left_ += elements * static_cast<int64_t>(sizeof(float));
  }

 private:
  int64_t left_;
};

}  // namespace circuitd
