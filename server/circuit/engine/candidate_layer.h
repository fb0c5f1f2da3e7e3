// A layer whose heads are taken out one at a time: what that changes is of low rank up to the MLP's activation.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "server/model/gpt2.h"
#include "server/model/packed_affine.h"

namespace circuitd {

// With dz the change of one head's z, the residual stream before the MLP changes by dz W_O[head]. Of ln2 and W_in, all
// but the division by the LayerNorm's scale is linear: with
//
//   product = (mid - its mean) (ln2.weight * W_in)
//
// mlp_pre is product / scale + ln2.bias W_in + b_in, and product changes by dz (centred W_O[head]) (ln2.weight * W_in):
// d_head terms instead of d_model. Not thread-safe.
class CandidateLayer {
 public:
  // `pack` as PackedAffine's.
  CandidateLayer(const Gpt2& network, int layer, bool pack);

  // Bytes that it takes at most; without products.
  static int64_t Bytes(const ModelConfig& config, bool product);

  int layer() const { return layer_; }

  // mid [rows, d_model], dz [rows, d_head] -> [rows, d_model].
  at::Tensor ChangedMid(const at::Tensor& mid, int64_t head, const at::Tensor& dz);
  // mid [rows, d_model] -> product [rows, d_mlp].
  at::Tensor Product(const at::Tensor& mid);
  // product [rows, d_mlp], dz [rows, d_head] -> [rows, d_mlp].
  at::Tensor ChangedProduct(const at::Tensor& product, int64_t head, const at::Tensor& dz);
  // mlp_post [rows, d_mlp] of what both became.
  at::Tensor Post(const at::Tensor& mid, const at::Tensor& product);

 private:
  // Made as they are asked for.
  const PackedAffine& First();
  const PackedAffine& HeadProduct(int64_t head);

  const Gpt2* network_;
  int layer_;
  bool pack_;
  at::Tensor bias_;                                      // ln2.bias W_in + b_in [d_mlp]
  PackedAffine first_;                                   // by ln2.weight * W_in [d_model, d_mlp]
  std::vector<PackedAffine> head_mids_, head_products_;  // by head: [rows, d_head] -> [rows, d_model], [rows, d_mlp]
};

}  // namespace circuitd
