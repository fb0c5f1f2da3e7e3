#include "server/model/gpt2.h"

#include <array>
#include <utility>

#include "server/model/layer_parts.h"
#include "server/model/layer_products.h"

namespace circuitd {
namespace {

bool Wanted(Hooks* hooks, HookPoint point) { return hooks != nullptr && hooks->Wants(point); }

// Shows `value` to the caller if the hook point is wanted; true if it was replaced.
bool At(Hooks* hooks, HookPoint point, at::Tensor& value) {
  if (!Wanted(hooks, point)) return false;
  const at::Tensor own = value;
  hooks->Visit(point, value);
  return !value.is_same(own);
}

using Products = LayerProducts::Layer;

// x [B, T, in] -> [B, T, out], by the product if there is one.
at::Tensor Multiply(const PackedAffine* product, const at::Tensor& x, const at::Tensor& weight,
                    const at::Tensor& bias) {
  if (product == nullptr) return Affine(x, weight, bias);
  return (*product)(x.flatten(0, 1)).unflatten(0, x.sizes().slice(0, 2));
}

struct LayerNorm {
  const ModelConfig& config;
  const at::Tensor &weight, &bias;  // [d_model]

  at::Tensor operator()(const at::Tensor& x) const { return Normalize(config, x, weight, bias); }

  at::Tensor operator()(const at::Tensor& x, HookPoint scale_point, HookPoint normalized_point, Hooks* hooks) const {
    at::Tensor y = (*this)(x);
    if (Wanted(hooks, scale_point)) y = WithVisitedScale(x, y, scale_point, hooks);
    At(hooks, normalized_point, y);
    return y;
  }

 private:
  // The fused kernel shows no scale, and rounds otherwise than steps do: a replaced scale adds its difference.
  at::Tensor WithVisitedScale(const at::Tensor& x, const at::Tensor& y, HookPoint point, Hooks* hooks) const {
    const at::Tensor wide = x.to(at::kFloat);  // squares overflow float16
    const at::Tensor centred = wide - wide.mean(-1, /*keepdim=*/true);
    const at::Tensor own =
        (centred.square().mean(-1, /*keepdim=*/true) + config.layer_norm_epsilon).sqrt();  // [..., 1], biased variance
    at::Tensor scale = own;
    if (!At(hooks, point, scale)) return y;
    return (y + (centred / scale - centred / own) * weight).to(y.scalar_type());
  }
};

// One layer's attention, with its LayerNorm.
class Attention {
 public:
  Attention(const ModelConfig& config, const BlockWeights& weights, const Products* products, int layer, Hooks* hooks)
      : config_(config), w_(weights), products_(products), layer_(layer), hooks_(hooks) {}

  // residual [B, T, D] -> attn_out [B, T, D].
  at::Tensor operator()(const at::Tensor& residual) const {
    const Qkv qkv = QueriesKeysValues(residual);
    return Output(Mix(Pattern(qkv[0], qkv[1]), qkv[2]));
  }

 private:
  using Qkv = std::array<at::Tensor, 3>;  // q, k, v [B, T, H, d]

  HookPoint Point(HookKind kind) const { return {kind, layer_}; }

  // [..., 3 * D] -> q, k, v [..., H, d], which are views of it.
  Qkv Split(const at::Tensor& side_by_side) const {
    const auto parts = side_by_side.unflatten(-1, {3, config_.n_heads, config_.d_head}).unbind(-3);
    return {parts[0], parts[1], parts[2]};
  }

  Qkv QueriesKeysValues(const at::Tensor& residual) const {
    constexpr HookKind kInputs[] = {HookKind::kQInput, HookKind::kKInput, HookKind::kVInput};
    constexpr HookKind kOutputs[] = {HookKind::kQ, HookKind::kK, HookKind::kV};
    const LayerNorm layer_norm{config_, w_.ln1_weight, w_.ln1_bias};
    Qkv added;
    for (int i = 0; i < 3; ++i) added[i] = AddedByInput(residual, layer_norm, i, Point(kInputs[i]));
    const at::Tensor normalized =
        layer_norm(residual, Point(HookKind::kLn1Scale), Point(HookKind::kLn1Normalized), hooks_);

    Qkv qkv = Split(Multiply(products_ ? &products_->attn : nullptr, normalized, w_.attn_weight, w_.attn_bias));
    bool replaced = false;
    for (int i = 0; i < 3; ++i) {
      replaced |= added[i].defined();
      if (added[i].defined()) qkv[i] = qkv[i] + added[i];
      replaced |= At(hooks_, Point(kOutputs[i]), qkv[i]);
    }
    // Side by side again, as they were: products may round otherwise on another layout.
    return replaced ? Split(at::cat({qkv[0].flatten(-2), qkv[1].flatten(-2), qkv[2].flatten(-2)}, -1)) : qkv;
  }

  // What a replaced input of the heads' q (part 0), k (1) or v (2) adds to it [B, T, H, d]; undefined if it stays.
  at::Tensor AddedByInput(const at::Tensor& residual, const LayerNorm& layer_norm, int part, HookPoint point) const {
    if (!Wanted(hooks_, point)) return {};
    at::Tensor input = residual.unsqueeze(-2).expand({-1, -1, config_.n_heads, -1});  // [B, T, H, D]
    if (!At(hooks_, point, input)) return {};
    const at::Tensor change = layer_norm(input) - layer_norm(residual).unsqueeze(-2);  // [B, T, H, D]
    return at::einsum("bthm,mhd->bthd", {change, Split(w_.attn_weight)[part]});
  }

  // q, k [B, T, H, d] -> attention [B, H, T, T].
  at::Tensor Pattern(const at::Tensor& q, const at::Tensor& k) const {
    at::Tensor scores = AttentionScores(config_, layer_, q, k, FutureMask(0, q.size(1), q.device()));  // [B, H, T, T]
    At(hooks_, Point(HookKind::kAttnScores), scores);
    at::Tensor pattern = scores.softmax(-1);
    At(hooks_, Point(HookKind::kPattern), pattern);
    return pattern;
  }

  // pattern [B, H, T, T], v [B, T, H, d] -> z [B, T, H, d].
  at::Tensor Mix(const at::Tensor& pattern, const at::Tensor& v) const {
    at::Tensor z = ZOf(pattern, v);
    At(hooks_, Point(HookKind::kZ), z);
    return z;
  }

  // z [B, T, H, d] -> attn_out [B, T, D].
  at::Tensor Output(const at::Tensor& z) const {
    at::Tensor out = Multiply(products_ ? &products_->o : nullptr, z.flatten(-2), w_.o_weight, w_.o_bias);
    if (Wanted(hooks_, Point(HookKind::kResult))) {
      const at::Tensor by_head = w_.o_weight.unflatten(0, {config_.n_heads, config_.d_head});
      const at::Tensor own = at::einsum("bthd,hdm->bthm", {z, by_head});  // [B, T, H, D]
      at::Tensor result = own;
      if (At(hooks_, Point(HookKind::kResult), result)) out = out + (result - own).sum(-2);
    }
    At(hooks_, Point(HookKind::kAttnOut), out);
    return out;
  }

  const ModelConfig& config_;
  const BlockWeights& w_;
  const Products* const products_;
  const int layer_;
  Hooks* const hooks_;
};

// normalized [B, T, D] -> mlp_out [B, T, D].
at::Tensor Mlp(const ModelConfig& config, const BlockWeights& w, const Products* products, int layer,
               const at::Tensor& normalized, Hooks* hooks) {
  at::Tensor pre = Multiply(products ? &products->in : nullptr, normalized, w.in_weight, w.in_bias);  // [B, T, F]
  At(hooks, {HookKind::kMlpPre, layer}, pre);
  at::Tensor post = Activate(config, pre);
  At(hooks, {HookKind::kMlpPost, layer}, post);
  at::Tensor out = Multiply(products ? &products->out : nullptr, post, w.out_weight, w.out_bias);
  At(hooks, {HookKind::kMlpOut, layer}, out);
  return out;
}

}  // namespace

Gpt2::Gpt2(ModelConfig config, Gpt2Weights weights) : config_(std::move(config)), weights_(std::move(weights)) {}

at::Tensor Gpt2::Embed(const at::Tensor& tokens, Hooks* hooks) const {
  at::Tensor embed = at::embedding(weights_.embed, tokens);  // [B, T, D]
  At(hooks, {HookKind::kEmbed}, embed);
  at::Tensor pos_embed = weights_.pos_embed.narrow(0, 0, tokens.size(1)).unsqueeze(0).expand_as(embed);  // [B, T, D]
  At(hooks, {HookKind::kPosEmbed}, pos_embed);
  return embed + pos_embed;
}

at::Tensor Gpt2::RunLayers(at::Tensor residual, int begin, int end, Hooks* hooks, const LayerProducts* products) const {
  for (int layer = begin; layer < end; ++layer) {
    const BlockWeights& w = weights_.blocks[layer];
    const Products* const own = products != nullptr ? &products->At(layer) : nullptr;
    At(hooks, {HookKind::kResidPre, layer}, residual);
    residual = residual + Attention(config_, w, own, layer, hooks)(residual);
    At(hooks, {HookKind::kResidMid, layer}, residual);
    at::Tensor mlp_in = residual;
    At(hooks, {HookKind::kMlpIn, layer}, mlp_in);
    const LayerNorm layer_norm{config_, w.ln2_weight, w.ln2_bias};
    residual = residual +
               Mlp(config_, w, own, layer,
                   layer_norm(mlp_in, {HookKind::kLn2Scale, layer}, {HookKind::kLn2Normalized, layer}, hooks), hooks);
    At(hooks, {HookKind::kResidPost, layer}, residual);
  }
  return residual;
}

at::Tensor Gpt2::LnFinal(const at::Tensor& residual, Hooks* hooks) const {
  const LayerNorm layer_norm{config_, weights_.ln_final_weight, weights_.ln_final_bias};
  return layer_norm(residual, {HookKind::kLnFinalScale}, {HookKind::kLnFinalNormalized}, hooks);
}

at::Tensor Gpt2::Logits(const at::Tensor& normalized) const { return at::matmul(normalized, weights_.unembed.t()); }

}  // namespace circuitd
