#include "server/circuit/engine/engine_weights.h"

#include <utility>

namespace circuitd {

EngineWeights::EngineWeights(const Gpt2& network, int64_t max_pos, int64_t packing_bytes)
    : network_(network),
      max_pos_(max_pos),
      packing_(packing_bytes),
      heads_(network.config().n_layers),
      mlps_(network.config().n_layers) {}

const KeptHeads& EngineWeights::Heads(int layer, const std::vector<int64_t>& heads) {
  KeptHeads& kept = heads_[layer];
  if (kept.constant.defined() && kept.heads == heads) return kept;
  const ModelConfig& config = network_.config();
  const int64_t d_model = config.d_model, d_head = config.d_head;
  const auto elements = static_cast<int64_t>(kept.heads.size()) * d_head * d_model;
  packing_.Drop(kept.q, elements);
  packing_.Drop(kept.kv, 2 * elements);
  packing_.Drop(kept.o, elements);
  kept = KeptHeads();
  kept.heads = heads;

  const BlockWeights& w = network_.weights().blocks[layer];
  if (!heads.empty()) {
    const at::Tensor index = at::tensor(heads, at::kLong).to(network_.device());
    // q, k and v of the heads: [d_model, heads * d_head]
    const at::Tensor weight = w.attn_weight.view({d_model, 3, config.n_heads, d_head}).index_select(2, index);
    const at::Tensor bias = w.attn_bias.view({3, config.n_heads, d_head}).index_select(1, index);
    kept.q = packing_.Make(weight.select(1, 0).reshape({d_model, -1}), bias[0].flatten());
    kept.kv = packing_.Make(weight.narrow(1, 1, 2).reshape({d_model, -1}), bias.narrow(0, 1, 2).flatten());
    const at::Tensor o_by_head = w.o_weight.view({config.n_heads, d_head, d_model});
    kept.o = packing_.Make(o_by_head.index_select(0, index).view({-1, d_model}), {});
  }
  if (heads.size() < static_cast<size_t>(config.n_heads)) {
    at::Tensor ablated = z_means_[layer].clone();  // [max_pos, n_heads, d_head]
    for (const int64_t head : heads) ablated.select(1, head).zero_();
    kept.constant = at::addmm(w.o_bias, ablated.flatten(1), w.o_weight);  // [max_pos, d_model]
  } else {
    kept.constant = w.o_bias.unsqueeze(0).expand({max_pos_, d_model});
  }
  return kept;
}

const MlpWeights& EngineWeights::Mlp(int layer) {
  MlpWeights& mlp = mlps_[layer];
  if (!mlp.in.defined()) {
    const BlockWeights& w = network_.weights().blocks[layer];
    mlp = {packing_.Make(w.in_weight, w.in_bias), packing_.Make(w.out_weight, w.out_bias)};
  }
  return mlp;
}

CandidateLayer& EngineWeights::Candidates(int layer) {
  if (candidates_.empty() || candidates_.front().layer() != layer) {
    candidates_.clear();
    candidates_.emplace_back(network_, layer);
  }
  return candidates_.front();
}

}  // namespace circuitd
