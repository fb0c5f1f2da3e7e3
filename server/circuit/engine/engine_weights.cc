#include "server/circuit/engine/engine_weights.h"

namespace circuitd {

EngineWeights::EngineWeights(const Gpt2& network, int64_t max_pos, int64_t copy_bytes, bool pack_candidates)
    : network_(network),
      max_pos_(max_pos),
      pack_candidates_(pack_candidates),
      budget_(copy_bytes),
      heads_(network.config().n_layers),
      mlps_(network.config().n_layers) {}

const KeptHeads& EngineWeights::Heads(int layer, const std::vector<int64_t>& heads) {
  std::unique_ptr<KeptHeads>& kept = heads_[layer];
  if (kept == nullptr || kept->heads() != heads) {
    kept.reset();  // gives its memory back first
    const at::Tensor z_mean = z_means_.empty() ? at::Tensor() : z_means_[layer];
    kept = std::make_unique<KeptHeads>(network_, layer, heads, z_mean, max_pos_, budget_);
  }
  return *kept;
}

const MlpWeights& EngineWeights::Mlp(int layer) {
  MlpWeights& mlp = mlps_[layer];
  if (!mlp.in.defined()) {
    const BlockWeights& w = network_.weights().blocks[layer];
    const auto affine = [&](const at::Tensor& weight, const at::Tensor& bias) {
      const bool pack = network_.device().is_cpu() && budget_.Take(static_cast<int64_t>(weight.nbytes()));
      return PackedAffine(weight, bias, pack);
    };
    mlp = {affine(w.in_weight, w.in_bias), affine(w.out_weight, w.out_bias)};
  }
  return mlp;
}

CandidateLayer& EngineWeights::Candidates(int layer) {
  if (!candidates_ || candidates_->layer() != layer) {
    candidates_.reset();
    candidates_.emplace(network_, layer, pack_candidates_);
  }
  return *candidates_;
}

}  // namespace circuitd
