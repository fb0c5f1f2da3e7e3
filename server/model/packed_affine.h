// x W + b over a weight that is laid out once for this processor's matrix kernels.
#pragma once

#include <ATen/ATen.h>

#include "server/model/config.h"

namespace circuitd {

// Where the weight is float32 on a CPU and LibTorch was built with oneDNN, its blocked copy of the weight and its fused
// products; elsewhere plain addmm with the same results to rounding. Const and thread-safe. Throws torch's exceptions.
class PackedAffine {
 public:
  PackedAffine() = default;
  // weight [in, out]; bias [out], or undefined for none. Without `pack` the plain products are used and the weight is
  // only referred to; a packed one is a copy of its own.
  PackedAffine(const at::Tensor& weight, const at::Tensor& bias, bool pack);

  // x [rows, in] -> [rows, out].
  at::Tensor operator()(const at::Tensor& x) const;
  // The model's activation function of it.
  at::Tensor Activated(const ModelConfig& config, const at::Tensor& x) const;
  // It, plus `other` [rows, out].
  at::Tensor Plus(const at::Tensor& other, const at::Tensor& x) const;

  bool defined() const { return weight_.defined(); }
  bool packed() const { return packed_; }

 private:
  at::Tensor weight_;  // [in, out], or opaque
  at::Tensor bias_;    // [out] or undefined
  bool packed_ = false;
};

}  // namespace circuitd
