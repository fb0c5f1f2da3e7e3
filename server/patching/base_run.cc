#include "server/patching/base_run.h"

#include "server/model/logit_readout.h"

namespace circuitd {
namespace {

constexpr size_t kKinds = static_cast<size_t>(HookKind::kLnFinalNormalized) + 1;

class Keeper : public Hooks {
 public:
  Keeper(const KeptHooks& kept, std::vector<std::vector<at::Tensor>>& values) : kept_(kept), values_(values) {}

  bool Wants(HookPoint point) const override {
    return point.layer >= kept_.first_layer && kept_.kinds.count(point.kind) > 0;
  }
  void Visit(HookPoint point, at::Tensor& value) override {
    values_[point.layer][static_cast<size_t>(point.kind)] = value;
  }

 private:
  const KeptHooks& kept_;
  std::vector<std::vector<at::Tensor>>& values_;
};

}  // namespace

int64_t KeptBytesPerToken(const ModelConfig& config, const KeptHooks& kept, int64_t element_size) {
  int64_t width = 0;
  bool qkv = false;
  for (const HookKind kind : kept.kinds) {
    if (kind == HookKind::kQ || kind == HookKind::kK || kind == HookKind::kV) {
      qkv = true;
    } else {
      width += WidthOf(kind, config) * (AxesOf(kind) == HookAxes::kPosHeads ? config.n_heads : 1);
    }
  }
  if (qkv) width += 3 * int64_t{config.d_model};  // they are parts of one tensor
  // And the residual stream after the last layer.
  return ((config.n_layers - kept.first_layer) * width + config.d_model) * element_size;
}

BaseRun::BaseRun(const LayerProducts& products, absl::Span<const std::vector<int>> prompts, const KeptHooks& kept)
    : prompts_(Pad(prompts, products.network().device())),
      kept_(products.network().config().n_layers, std::vector<at::Tensor>(kKinds)) {
  const Gpt2& network = products.network();
  Keeper keeper(kept, kept_);
  residual_ = network.Run(prompts_.tokens, &keeper, &products);
  last_logits_ = LastLogits(network, residual_, prompts_);
}

const at::Tensor& BaseRun::At(HookKind kind, int layer) const { return kept_[layer][static_cast<size_t>(kind)]; }

const at::Tensor& BaseRun::Residual(int layer) const {
  return layer == static_cast<int>(kept_.size()) ? residual_ : At(HookKind::kResidPre, layer);
}

}  // namespace circuitd
