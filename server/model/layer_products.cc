#include "server/model/layer_products.h"

#include "server/model/layer_parts.h"

namespace circuitd {
namespace {

// x [..., width] -> [rows, width].
at::Tensor Rows(const at::Tensor& x) { return x.reshape({-1, x.size(-1)}); }

// mid [rows, d_model] -> [rows, d_mlp].
at::Tensor MlpPost(const LayerProducts& products, int layer, const at::Tensor& mid) {
  const Gpt2& network = products.network();
  return products.At(layer).in.Activated(network.config(), Ln2(network, layer, mid));
}

}  // namespace

LayerProducts::LayerProducts(const Gpt2& network, int first_packed)
    : network_(network), first_packed_(first_packed), layers_(network.config().n_layers) {}

const LayerProducts::Layer& LayerProducts::At(int layer) const {
  Layer& products = layers_[layer];
  if (!products.out.defined()) {
    const BlockWeights& w = network_.weights().blocks[layer];
    const bool pack = layer >= first_packed_;
    products = {PackedAffine(w.attn_weight, w.attn_bias, pack), PackedAffine(w.o_weight, w.o_bias, pack),
                PackedAffine(w.in_weight, w.in_bias, pack), PackedAffine(w.out_weight, w.out_bias, pack)};
  }
  return products;
}

int64_t LayerProducts::PackedBytes(const Gpt2& network, int first_packed) {
  if (!network.device().is_cpu() || network.dtype() != at::kFloat) return 0;
  int64_t bytes = 0;
  for (int layer = first_packed; layer < network.config().n_layers; ++layer) {
    const BlockWeights& w = network.weights().blocks[layer];
    bytes += static_cast<int64_t>(w.attn_weight.nbytes() + w.o_weight.nbytes() + w.in_weight.nbytes() +
                                  w.out_weight.nbytes());
  }
  return bytes;
}

at::Tensor MlpOut(const LayerProducts& products, int layer, const at::Tensor& resid_mid) {
  const at::Tensor mid = Rows(resid_mid);
  return products.At(layer).out(MlpPost(products, layer, mid)).view(resid_mid.sizes());
}

at::Tensor AddMlp(const LayerProducts& products, int layer, const at::Tensor& resid_mid) {
  const at::Tensor mid = Rows(resid_mid);
  return products.At(layer).out.Plus(mid, MlpPost(products, layer, mid)).view(resid_mid.sizes());
}

}  // namespace circuitd
