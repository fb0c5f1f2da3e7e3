#include "server/circuit/node_ablation.h"

namespace circuitd {

NodeAblation::NodeAblation(const Gpt2& network, const NodeSet& circuit, bool ablate_mlps,
                           const std::vector<at::Tensor>& z_means, const std::vector<at::Tensor>& mlp_out_means)
    : z_means_(z_means), mlp_out_means_(mlp_out_means) {
  const ModelConfig& config = network.config();
  for (int layer = 0; layer < config.n_layers; ++layer) {
    at::Tensor ablated = at::zeros({config.n_heads, 1}, at::kBool);
    bool any = false;
    for (int head = 0; head < config.n_heads; ++head) {
      const bool out = !circuit.contains(Node::Head(layer, head));
      ablated.data_ptr<bool>()[head] = out;
      any |= out;
    }
    ablated_heads_.push_back(any ? ablated.to(network.device()) : at::Tensor());
    ablated_mlps_.push_back(ablate_mlps && !circuit.contains(Node::Mlp(layer)));
  }
}

bool NodeAblation::Wants(HookPoint point) const {
  return (point.kind == HookKind::kZ && ablated_heads_[point.layer].defined()) ||
         (point.kind == HookKind::kMlpOut && ablated_mlps_[point.layer]);
}

void NodeAblation::Visit(HookPoint point, at::Tensor& value) {
  const int64_t pos = value.size(1);
  if (point.kind == HookKind::kZ) {
    // [batch, pos, n_heads, d_head]
    value = at::where(ablated_heads_[point.layer], z_means_[point.layer].narrow(0, 0, pos), value);
  } else {
    value = mlp_out_means_[point.layer].narrow(0, 0, pos).expand_as(value);  // [batch, pos, d_model]
  }
}

}  // namespace circuitd
