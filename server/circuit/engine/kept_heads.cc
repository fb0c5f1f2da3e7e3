#include "server/circuit/engine/kept_heads.h"

#include <utility>

#include "server/model/layer_parts.h"

namespace circuitd {

KeptHeads::KeptHeads(const Gpt2& network, int layer, std::vector<int64_t> heads, const at::Tensor& z_mean,
                     int64_t max_pos, WeightBudget& budget)
    : config_(network.config()), heads_(std::move(heads)), budget_(budget) {
  const int64_t d_model = config_.d_model, d_head = config_.d_head;
  const BlockWeights& w = network.weights().blocks[layer];
  const bool all = heads_.size() == static_cast<size_t>(config_.n_heads);
  if (all) {
    constant_ = w.o_bias.unsqueeze(0).expand({max_pos, d_model});
  } else {
    at::Tensor ablated = z_mean.clone();  // [max_pos, n_heads, d_head]
    for (const int64_t head : heads_) ablated.select(1, head).zero_();
    constant_ = Affine(ablated.flatten(1), w.o_weight, w.o_bias);  // [max_pos, d_model]
  }
  if (heads_.empty()) return;

  const int64_t bytes = 4 * static_cast<int64_t>(heads_.size()) * d_head * d_model * w.attn_weight.element_size();
  const bool on_cpu = network.device().is_cpu();
  const bool copy = (on_cpu || !all) && budget_.Take(bytes);
  if (copy) bytes_ = bytes;
  const auto affine = [&](const at::Tensor& weight, const at::Tensor& bias) {
    return PackedAffine(weight, bias, copy && on_cpu);
  };
  if (all || !copy) {
    // Views.
    q_ = affine(w.attn_weight.narrow(1, 0, d_model), w.attn_bias.narrow(0, 0, d_model));
    kv_ = affine(w.attn_weight.narrow(1, d_model, 2 * d_model), w.attn_bias.narrow(0, d_model, 2 * d_model));
    o_ = affine(w.o_weight, {});
    if (!all) selected_ = at::tensor(heads_, at::kLong).to(network.device());
    return;
  }
  const at::Tensor index = at::tensor(heads_, at::kLong).to(network.device());
  const at::Tensor weight = w.attn_weight.view({d_model, 3, config_.n_heads, d_head}).index_select(2, index);
  const at::Tensor bias = w.attn_bias.view({3, config_.n_heads, d_head}).index_select(1, index);
  q_ = affine(weight.select(1, 0).reshape({d_model, -1}), bias[0].flatten());
  kv_ = affine(weight.narrow(1, 1, 2).reshape({d_model, -1}), bias.narrow(0, 1, 2).flatten());
  o_ = affine(w.o_weight.view({config_.n_heads, d_head, d_model}).index_select(0, index).view({-1, d_model}), {});
}

KeptHeads::~KeptHeads() { budget_.GiveBack(bytes_); }

at::Tensor KeptHeads::Plus(const at::Tensor& stream, const at::Tensor& z) const {
  if (!selected_.defined()) return o_.Plus(stream, z);
  at::Tensor all = at::zeros({z.size(0), config_.n_heads, config_.d_head}, z.options());
  all.index_copy_(1, selected_, z.view({z.size(0), -1, config_.d_head}));
  return o_.Plus(stream, all.flatten(1));
}

at::Tensor KeptHeads::Select(const at::Tensor& x, int64_t parts) const {
  if (!selected_.defined()) return x;
  return x.view({x.size(0), parts, config_.n_heads, config_.d_head}).index_select(2, selected_).flatten(1);
}

}  // namespace circuitd
