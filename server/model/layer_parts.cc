#include "server/model/layer_parts.h"

#include <cmath>
#include <limits>
#include <vector>

namespace circuitd {

at::Tensor Affine(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(1);
  return at::addmm(bias, x.reshape({-1, weight.size(0)}), weight).view(shape);
}

at::Tensor Normalize(const ModelConfig& config, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::layer_norm(x, {x.size(-1)}, weight, bias, config.layer_norm_epsilon);
}

at::Tensor Ln1(const Gpt2& network, int layer, const at::Tensor& residual) {
  const BlockWeights& w = network.weights().blocks[layer];
  return Normalize(network.config(), residual, w.ln1_weight, w.ln1_bias);
}

at::Tensor Ln2(const Gpt2& network, int layer, const at::Tensor& residual) {
  const BlockWeights& w = network.weights().blocks[layer];
  return Normalize(network.config(), residual, w.ln2_weight, w.ln2_bias);
}

at::Tensor Activate(const ModelConfig& config, const at::Tensor& mlp_pre) {
  return at::gelu(mlp_pre, config.activation == Activation::kGeluNew ? "tanh" : "none");
}

at::Tensor FutureMask(int64_t first, int64_t pos, at::Device device) {
  return at::ones({pos - first, pos}, at::TensorOptions(device).dtype(at::kBool)).triu(first + 1);
}

double AttentionScale(const ModelConfig& config, int layer) {
  const double scale = config.scale_attn_weights ? 1 / std::sqrt(config.d_head) : 1;
  return config.scale_attn_by_inverse_layer_idx ? scale / (layer + 1) : scale;
}

at::Tensor AttentionScores(const ModelConfig& config, int layer, const at::Tensor& q, const at::Tensor& k,
                           const at::Tensor& future) {
  const at::Tensor scores = at::matmul(q.transpose(1, 2) * AttentionScale(config, layer), k.permute({0, 2, 3, 1}));
  return future.defined() ? scores.masked_fill(future, -std::numeric_limits<double>::infinity()) : scores;
}

at::Tensor AttentionPattern(const ModelConfig& config, int layer, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& future) {
  return AttentionScores(config, layer, q, k, future).softmax(-1);
}

at::Tensor ZOf(const at::Tensor& pattern, const at::Tensor& v) {
  return at::matmul(pattern, v.transpose(1, 2)).transpose(1, 2);
}

at::Tensor OutputWeight(const Gpt2& network, int layer, int head) {
  const int64_t d_head = network.config().d_head;
  return network.weights().blocks[layer].o_weight.narrow(0, head * d_head, d_head);
}

}  // namespace circuitd
