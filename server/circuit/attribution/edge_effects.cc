#include <tuple>

#include "server/circuit/attribution/edge_gradients.h"
#include "server/graph/edge_order.h"

namespace circuitd {
namespace {

// Sums of products overflow in half precision.
at::Tensor Wide(const at::Tensor& x) { return c10::isReducedFloatingType(x.scalar_type()) ? x.to(at::kFloat) : x; }

class EffectSums {
 public:
  EffectSums(const Gpt2& network, const at::Tensor& differences, at::Tensor& sums)
      : network_(network),
        config_(network.config()),
        differences_(differences.transpose(0, 1).flatten(2)),
        sums_(sums) {}

  void AddAttention(int layer, const LayerGradients& gradients) {
    const BlockWeights& w = network_.weights().blocks[layer];
    const at::Tensor weight = Wide(w.ln1_weight), bias = Wide(w.ln1_bias), x = Wide(gradients.resid_pre);
    const at::IntArrayRef width = weight.sizes();
    const auto [y, mean, deviation] = at::native_layer_norm(x, width, weight, bias, config_.layer_norm_epsilon);
    constexpr Node::Input kInputs[] = {Node::Input::kQ, Node::Input::kK, Node::Input::kV};
    for (int part = 0; part < 3; ++part) {
      if (!gradients.qkv[part].defined()) continue;
      const int64_t columns = int64_t{config_.n_heads} * config_.d_head;
      const at::Tensor by_head =
          Wide(w.attn_weight.narrow(1, part * columns, columns)).unflatten(1, {config_.n_heads, config_.d_head});
      const at::Tensor normalized = at::einsum("bthd,mhd->bhtm", {Wide(gradients.qkv[part]), by_head});
      // One part at a time: each head's gradient is as large as a residual stream. The kernel reads memory as it lies.
      const auto for_heads = [&](const at::Tensor& of_rows) {
        return of_rows.unsqueeze(1).expand({-1, config_.n_heads, -1, -1}).contiguous();
      };
      const at::Tensor input = std::get<0>(at::native_layer_norm_backward(
          normalized, for_heads(x), width, for_heads(mean), for_heads(deviation), weight, bias, {true, false, false}));
      Add(Node::Head(layer, 0, kInputs[part]), input);
    }
  }

  // gradient [batch, pos, d_model] at the one receiver's input.
  void AddWhole(const Node& receiver, const at::Tensor& gradient) {
    if (gradient.defined()) Add(receiver, Wide(gradient).unsqueeze(1));
  }

 private:
  // gradient [batch, receivers, pos, d_model] at the inputs of receivers from `first` on, which have the same senders.
  void Add(const Node& first, const at::Tensor& gradient) {
    const int senders = SendersBelow(config_, first);
    // Prompt by prompt, so that only float64 sums cross prompts: [batch, receivers, senders].
    const at::Tensor products = at::bmm(gradient.flatten(2), differences_.narrow(1, 0, senders).transpose(1, 2));
    sums_.narrow(0, ReceiverRank(config_, first), gradient.size(1))
        .narrow(1, 0, senders)
        .add_(products.sum(0, /*keepdim=*/false, at::kDouble));
  }

  const Gpt2& network_;
  const ModelConfig& config_;
  const at::Tensor differences_;  // [batch, n_senders, pos * d_model]
  at::Tensor& sums_;
};

}  // namespace

void AddEdgeEffects(const Gpt2& network, const EdgeGradients& gradients, const at::Tensor& differences,
                    at::Tensor& sums) {
  EffectSums effects(network, Wide(differences), sums);
  const int n_layers = network.config().n_layers;
  for (int layer = 0; layer < n_layers; ++layer) {
    effects.AddAttention(layer, gradients.layers[layer]);
    effects.AddWhole(Node::Mlp(layer), gradients.layers[layer].mlp_in);
  }
  effects.AddWhole(Node::Logits(), gradients.logits);
}

}  // namespace circuitd
