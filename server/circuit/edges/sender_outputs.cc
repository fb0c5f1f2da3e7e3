#include "server/circuit/edges/sender_outputs.h"

#include <numeric>

#include "base/status.h"
#include "server/circuit/edges/masked_run.h"
#include "server/graph/edge_order.h"
#include "server/model/torch_border.h"
#include "server/patching/hook_means.h"

namespace circuitd {
namespace {

// Writes heads' outputs, made of z [batch, pos, n_heads, d_head], among those of all senders.
void SetHeadOutputs(const Gpt2& network, int layer, const at::Tensor& z, at::Tensor& outputs) {
  const ModelConfig& config = network.config();
  std::vector<int64_t> heads(config.n_heads);
  std::iota(heads.begin(), heads.end(), 0);
  outputs.narrow(0, SenderRank(config, Node::Head(layer, 0)), config.n_heads)
      .copy_(HeadOutputs(network, layer, z.permute({2, 0, 1, 3}), heads));
}

class OutputCapture : public Hooks {
 public:
  OutputCapture(const Gpt2& network, Hooks* ablation, at::Tensor& outputs)
      : network_(network), ablation_(ablation), outputs_(outputs) {}

  bool Wants(HookPoint point) const override {
    return point.kind == HookKind::kZ || point.kind == HookKind::kMlpOut ||
           (ablation_ != nullptr && ablation_->Wants(point));
  }

  void Visit(HookPoint point, at::Tensor& value) override {
    if (ablation_ != nullptr && ablation_->Wants(point)) ablation_->Visit(point, value);
    if (point.kind == HookKind::kZ) {
      SetHeadOutputs(network_, point.layer, value, outputs_);
    } else if (point.kind == HookKind::kMlpOut) {
      outputs_.select(0, SenderRank(network_.config(), Node::Mlp(point.layer))).copy_(value);
    }
  }

 private:
  const Gpt2& network_;
  Hooks* const ablation_;
  at::Tensor& outputs_;
};

}  // namespace

at::Tensor SenderOutputs(const Gpt2& network, const at::Tensor& tokens, Hooks* ablation) {
  const ModelConfig& config = network.config();
  const at::Tensor embed = network.Embed(tokens);  // [batch, pos, d_model]
  at::Tensor outputs = at::empty({SenderCount(config), embed.size(0), embed.size(1), embed.size(2)}, embed.options());
  outputs.select(0, 0).copy_(embed);
  OutputCapture capture(network, ablation, outputs);
  network.RunLayers(embed, 0, config.n_layers, &capture);
  return outputs;
}

absl::StatusOr<at::Tensor> MeanSenderOutputs(const Gpt2& network, const std::vector<std::vector<int>>& prompts,
                                             const std::vector<MicroBatch>& batches, const Checkpoint& checkpoint) {
  const ModelConfig& config = network.config();
  std::vector<HookPoint> points = {{HookKind::kResidPre, 0}};  // embed and pos_embed
  for (int layer = 0; layer < config.n_layers; ++layer) {
    points.push_back({HookKind::kZ, layer});
    points.push_back({HookKind::kMlpOut, layer});
  }
  ASSIGN_OR_RETURN(const HookMeans means, CaptureHookMeans(network, prompts, batches, points, nullptr, checkpoint));
  return InTorch([&]() -> absl::StatusOr<at::Tensor> {
    const at::Tensor& embed = means.at(points[0]);  // [max_pos, d_model]
    at::Tensor outputs = at::empty({SenderCount(config), 1, embed.size(0), embed.size(1)}, embed.options());
    outputs.select(0, 0).copy_(embed);
    for (int layer = 0; layer < config.n_layers; ++layer) {
      SetHeadOutputs(network, layer, means.at({HookKind::kZ, layer}).unsqueeze(0), outputs);
      outputs.select(0, SenderRank(config, Node::Mlp(layer))).copy_(means.at({HookKind::kMlpOut, layer}));
    }
    return outputs;
  });
}

}  // namespace circuitd
