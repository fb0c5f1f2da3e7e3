// A model's weights as runs of circuits use them: those of kept nodes only, packed where there is room.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "server/circuit/engine/candidate_layer.h"
#include "server/circuit/engine/kept_heads.h"
#include "server/circuit/engine/weight_budget.h"
#include "server/model/gpt2.h"
#include "server/model/packed_affine.h"

namespace circuitd {

struct MlpWeights {
  PackedAffine in;   // [rows, d_model] -> [rows, d_mlp]
  PackedAffine out;  // [rows, d_mlp] -> [rows, d_model]
};

// Made as they are asked for, and kept: of a layer's attention those for the last set of heads, of candidate layers the
// last one. Not thread-safe.
class EngineWeights {
 public:
  // For prompts of at most `max_pos` tokens. Copies of weights take at most `copy_bytes`, but for those of the
  // candidate layer, which is packed if `pack_candidates` says so. `network` has to outlive this.
  EngineWeights(const Gpt2& network, int64_t max_pos, int64_t copy_bytes, bool pack_candidates);

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
  const bool pack_candidates_;
  WeightBudget budget_;
  std::vector<at::Tensor> z_means_;
  std::vector<std::unique_ptr<KeptHeads>> heads_;  // by layer
  std::vector<MlpWeights> mlps_;
  std::optional<CandidateLayer> candidates_;
};

}  // namespace circuitd
