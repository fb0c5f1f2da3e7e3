#include "server/patching/last_attention.h"

#include <limits>

#include "server/model/layer_parts.h"

namespace circuitd {

LastAttention::LastAttention(const Gpt2& network, const BaseRun& base, int layer, const at::Tensor& normalized,
                             const at::Tensor& last)
    : config_(network.config()),
      w_(network.weights().blocks[layer]),
      base_(base),
      layer_(layer),
      normalized_(normalized) {
  q_ = Affine(normalized.index_select(0, last), Weight(0).flatten(1), Bias(0).flatten())
           .unflatten(-1, {config_.n_heads, config_.d_head}) *
       AttentionScale(config_, layer);
  through_k_ = at::bmm(q_.transpose(0, 1), Weight(1).permute({1, 2, 0})).transpose(0, 1);
  of_k_bias_ = (q_ * Bias(1)).sum(-1, /*keepdim=*/true);
}

void LastAttention::Add(int64_t first, const at::Tensor& prompts) {
  const int64_t copies = prompts.size(0), length = base_.pos() - first;
  const at::Tensor own = normalized_.narrow(0, next_row_, copies * length).unflatten(0, {copies, length});
  const auto of_copies = [&](const at::Tensor& x) { return x.narrow(0, next_copy_, copies); };
  at::Tensor scores = at::bmm(of_copies(through_k_), own.transpose(1, 2)) + of_copies(of_k_bias_);  // [.., heads, len]
  const auto before = [&](HookKind kind) {
    return base_.At(kind, layer_)
        .narrow(1, 0, first)
        .index_select(0, prompts)
        .transpose(1, 2);  // [.., heads, first, d]
  };
  if (first > 0) {
    const at::Tensor to_before = at::matmul(of_copies(q_).unsqueeze(2), before(HookKind::kK).transpose(2, 3));
    scores = at::cat({to_before.squeeze(2), scores}, -1);  // [copies, n_heads, pos]
  }
  const at::Tensor lengths = base_.prompts().lengths.index_select(0, prompts).view({-1, 1, 1});
  const at::Tensor padding = at::arange(base_.pos(), lengths.options()).ge(lengths);
  const at::Tensor pattern = scores.masked_fill(padding, -std::numeric_limits<double>::infinity()).softmax(-1);

  const at::Tensor to_own = pattern.narrow(2, first, length);
  attended_.push_back(at::bmm(to_own, own));
  attention_.push_back(to_own.sum(-1, /*keepdim=*/true));
  z_before_.push_back(first > 0 ? at::matmul(pattern.narrow(2, 0, first).unsqueeze(2), before(HookKind::kV)).squeeze(2)
                                : at::zeros({copies, config_.n_heads, config_.d_head}, own.options()));
  next_row_ += copies * length;
  next_copy_ += copies;
}

at::Tensor LastAttention::Z() const {
  const at::Tensor of_changed =
      at::bmm(at::cat(attended_).transpose(0, 1), Weight(2).transpose(0, 1)).transpose(0, 1);  // [copies, heads, d]
  return (of_changed + at::cat(attention_) * Bias(2) + at::cat(z_before_)).flatten(1);
}

at::Tensor LastAttention::Weight(int part) const {
  return w_.attn_weight.unflatten(-1, {3, config_.n_heads, config_.d_head}).select(1, part);
}

at::Tensor LastAttention::Bias(int part) const {
  return w_.attn_bias.unflatten(-1, {3, config_.n_heads, config_.d_head}).select(0, part);
}

}  // namespace circuitd
