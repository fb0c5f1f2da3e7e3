#include "server/model/gpt2.h"

#include <cmath>
#include <limits>
#include <utility>

namespace circuitd {
namespace {

// Shows `value` to the caller if the hook point is wanted.
void At(Hooks* hooks, HookPoint point, at::Tensor& value) {
  if (hooks != nullptr && hooks->Wants(point)) hooks->Visit(point, value);
}

bool Wanted(Hooks* hooks, HookPoint point) { return hooks != nullptr && hooks->Wants(point); }

// x [..., in] @ weight [in, out] + bias [out]. addmm takes two dimensions, and is one pass where matmul + add are two.
at::Tensor Affine(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(1);
  return at::addmm(bias, x.reshape({-1, weight.size(0)}), weight).view(shape);
}

at::Tensor LayerNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double epsilon,
                     HookPoint scale_point, HookPoint normalized_point, Hooks* hooks) {
  at::Tensor y;
  if (Wanted(hooks, scale_point)) {
    // In steps, since the scale may be replaced, and in float32, as the fused kernel: squares overflow float16.
    const at::Tensor wide = x.to(at::kFloat);
    const at::Tensor centred = wide - wide.mean(-1, /*keepdim=*/true);
    at::Tensor scale = (centred.square().mean(-1, /*keepdim=*/true) + epsilon).sqrt();  // [..., 1], biased variance
    At(hooks, scale_point, scale);
    y = (centred / scale * weight + bias).to(x.scalar_type());
  } else {
    y = at::layer_norm(x, {x.size(-1)}, weight, bias, epsilon);
  }
  At(hooks, normalized_point, y);
  return y;
}

// normalized [B, T, D] -> attn_out [B, T, D].
at::Tensor Attention(const ModelConfig& config, const BlockWeights& w, int layer, const at::Tensor& normalized,
                     Hooks* hooks) {
  const int64_t batch = normalized.size(0), pos = normalized.size(1);
  const auto qkv = Affine(normalized, w.attn_weight, w.attn_bias).split(config.d_model, -1);
  const auto heads = [&](const at::Tensor& x) { return x.view({batch, pos, config.n_heads, config.d_head}); };
  at::Tensor q = heads(qkv[0]), k = heads(qkv[1]), v = heads(qkv[2]);  // [B, T, H, d]
  At(hooks, {HookKind::kQ, layer}, q);
  At(hooks, {HookKind::kK, layer}, k);
  At(hooks, {HookKind::kV, layer}, v);

  double scale = config.scale_attn_weights ? 1 / std::sqrt(config.d_head) : 1;
  if (config.scale_attn_by_inverse_layer_idx) scale /= layer + 1;
  at::Tensor scores = at::matmul(q.transpose(1, 2) * scale, k.permute({0, 2, 3, 1}));  // [B, H, T, T]
  const at::Tensor future = at::ones({pos, pos}, scores.options().dtype(at::kBool)).triu(1);
  scores = scores.masked_fill(future, -std::numeric_limits<double>::infinity());
  At(hooks, {HookKind::kAttnScores, layer}, scores);
  at::Tensor pattern = scores.softmax(-1);
  At(hooks, {HookKind::kPattern, layer}, pattern);
  at::Tensor z = at::matmul(pattern, v.transpose(1, 2)).transpose(1, 2);  // [B, T, H, d]
  At(hooks, {HookKind::kZ, layer}, z);

  at::Tensor out;
  if (Wanted(hooks, {HookKind::kResult, layer})) {
    const at::Tensor o = w.o_weight.view({config.n_heads, config.d_head, config.d_model});
    at::Tensor result = at::einsum("bthd,hdm->bthm", {z, o});  // [B, T, H, D]
    At(hooks, {HookKind::kResult, layer}, result);
    out = result.sum(2) + w.o_bias;
  } else {
    out = Affine(z.reshape({batch, pos, config.d_model}), w.o_weight, w.o_bias);
  }
  At(hooks, {HookKind::kAttnOut, layer}, out);
  return out;
}

// normalized [B, T, D] -> mlp_out [B, T, D].
at::Tensor Mlp(const ModelConfig& config, const BlockWeights& w, int layer, const at::Tensor& normalized,
               Hooks* hooks) {
  at::Tensor pre = Affine(normalized, w.in_weight, w.in_bias);  // [B, T, F]
  At(hooks, {HookKind::kMlpPre, layer}, pre);
  at::Tensor post = at::gelu(pre, config.activation == Activation::kGeluNew ? "tanh" : "none");
  At(hooks, {HookKind::kMlpPost, layer}, post);
  at::Tensor out = Affine(post, w.out_weight, w.out_bias);
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

at::Tensor Gpt2::RunLayers(at::Tensor residual, int begin, int end, Hooks* hooks) const {
  for (int layer = begin; layer < end; ++layer) {
    const BlockWeights& w = weights_.blocks[layer];
    At(hooks, {HookKind::kResidPre, layer}, residual);
    residual = residual + Attention(config_, w, layer,
                                    LayerNorm(residual, w.ln1_weight, w.ln1_bias, config_.layer_norm_epsilon,
                                              {HookKind::kLn1Scale, layer}, {HookKind::kLn1Normalized, layer}, hooks),
                                    hooks);
    At(hooks, {HookKind::kResidMid, layer}, residual);
    residual = residual + Mlp(config_, w, layer,
                              LayerNorm(residual, w.ln2_weight, w.ln2_bias, config_.layer_norm_epsilon,
                                        {HookKind::kLn2Scale, layer}, {HookKind::kLn2Normalized, layer}, hooks),
                              hooks);
    At(hooks, {HookKind::kResidPost, layer}, residual);
  }
  return residual;
}

at::Tensor Gpt2::Unembed(const at::Tensor& residual, Hooks* hooks) const {
  const at::Tensor normalized =
      LayerNorm(residual, weights_.ln_final_weight, weights_.ln_final_bias, config_.layer_norm_epsilon,
                {HookKind::kLnFinalScale}, {HookKind::kLnFinalNormalized}, hooks);
  return at::matmul(normalized, weights_.unembed.t());
}

}  // namespace circuitd
