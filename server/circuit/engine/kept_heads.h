// A layer's attention with some heads kept and the others at their means.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "server/circuit/engine/weight_budget.h"
#include "server/model/gpt2.h"
#include "server/model/packed_affine.h"

namespace circuitd {

// Products with the kept heads' weights only. Where `budget` has no room for a copy of them, with the whole ones: more
// work, no memory, the same results. Throws torch's exceptions.
class KeptHeads {
 public:
  // `heads` ascending. z_mean [max_pos, n_heads, d_head] is what the others carry; it may be undefined if there are
  // none. `network` and `budget` have to outlive this.
  KeptHeads(const Gpt2& network, int layer, std::vector<int64_t> heads, const at::Tensor& z_mean, int64_t max_pos,
            WeightBudget& budget);
  ~KeptHeads();
  KeptHeads(const KeptHeads&) = delete;
  KeptHeads& operator=(const KeptHeads&) = delete;

  const std::vector<int64_t>& heads() const { return heads_; }

  // normalized [rows, d_model] -> q [rows, heads * d_head]; k and v side by side [rows, 2 * heads * d_head]. Of at
  // least one head.
  at::Tensor Q(const at::Tensor& normalized) const { return Select(q_(normalized), 1); }
  at::Tensor KeysValues(const at::Tensor& normalized) const { return Select(kv_(normalized), 2); }
  // stream [rows, d_model] plus what z [rows, heads * d_head] of the kept heads writes.
  at::Tensor Plus(const at::Tensor& stream, const at::Tensor& z) const;
  // [max_pos, d_model]: what the ablated heads write, and b_O.
  const at::Tensor& constant() const { return constant_; }

 private:
  // Of products with the whole weights, those of the kept heads: x [rows, parts * all] -> [rows, parts * heads].
  at::Tensor Select(const at::Tensor& x, int64_t parts) const;

  const ModelConfig& config_;
  const std::vector<int64_t> heads_;
  WeightBudget& budget_;
  int64_t bytes_ = 0;  // taken of it
  PackedAffine q_, kv_, o_;
  at::Tensor selected_;  // [heads] int64, if the weights are whole and the heads are not all
  at::Tensor constant_;
};

}  // namespace circuitd
