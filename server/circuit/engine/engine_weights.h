// A model's weights as runs of circuits use them: those of kept nodes only, packed.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "server/circuit/engine/candidate_layer.h"
#include "server/circuit/engine/packing_budget.h"
#include "server/model/gpt2.h"
#include "server/model/packed_affine.h"

namespace circuitd {

// A layer's attention with some heads kept and the others at their means.
struct KeptHeads {
  std::vector<int64_t> heads;
  PackedAffine q;       // [rows, d_model] -> [rows, heads * d_head]
  PackedAffine kv;      // [rows, d_model] -> [rows, 2 * heads * d_head]
  PackedAffine o;       // [rows, heads * d_head] -> [rows, d_model], without b_O
  at::Tensor constant;  // [max_pos, d_model]: what the ablated heads write, and b_O
};

struct MlpWeights {
  PackedAffine in;   // [rows, d_model] -> [rows, d_mlp]
  PackedAffine out;  // [rows, d_mlp] -> [rows, d_model]
};

// Made as they are asked for, and kept: of a layer's attention those for the last set of heads, of candidate layers the
// last one. Not thread-safe.
class EngineWeights {
 public:
  // For prompts of at most `max_pos` tokens. `network` has to outlive this.
  EngineWeights(const Gpt2& network, int64_t max_pos, int64_t packing_bytes);

  // What ablated heads carry, by layer: [max_pos, n_heads, d_head]. Before the first Heads() that ablates some.
  void SetZMeans(std::vector<at::Tensor> z_means) { z_means_ = std::move(z_means); }
  const std::vector<at::Tensor>& z_means() const { return z_means_; }

  // The results live until the next call about the same layer.
  const KeptHeads& Heads(int layer, const std::vector<int64_t>& heads);
  const MlpWeights& Mlp(int layer);
  // Until the next call about another layer.
  CandidateLayer& Candidates(int layer);

 private:
  const Gpt2& network_;
  const int64_t max_pos_;
  PackingBudget packing_;
  std::vector<at::Tensor> z_means_;
  std::vector<KeptHeads> heads_;
  std::vector<MlpWeights> mlps_;
  std::vector<CandidateLayer> candidates_;  // none or one
};

}  // namespace circuitd
