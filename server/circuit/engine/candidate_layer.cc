#include "server/circuit/engine/candidate_layer.h"

#include <tuple>

#include "server/model/layer_parts.h"

namespace circuitd {

CandidateLayer::CandidateLayer(const Gpt2& network, int layer, bool pack)
    : network_(&network),
      layer_(layer),
      pack_(pack),
      bias_(at::addmv(network.weights().blocks[layer].in_bias, network.weights().blocks[layer].in_weight.t(),
                      network.weights().blocks[layer].ln2_bias)),
      head_mids_(network.config().n_heads),
      head_products_(network.config().n_heads) {}

int64_t CandidateLayer::Bytes(const ModelConfig& config, bool product) {
  const int64_t d_model = config.d_model, d_mlp = config.d_mlp;
  // W_O by head; the first product, once more while it is packed, and the heads'.
  const int64_t elements = d_model * d_model + (product ? 3 * d_model * d_mlp : 0);
  return elements * static_cast<int64_t>(sizeof(float));
}

at::Tensor CandidateLayer::ChangedMid(const at::Tensor& mid, int64_t head, const at::Tensor& dz) {
  PackedAffine& by_head = head_mids_[head];
  if (!by_head.defined()) by_head = PackedAffine(OutputWeight(*network_, layer_, head), {}, pack_);
  return by_head.Plus(mid, dz);
}

const PackedAffine& CandidateLayer::First() {
  if (!first_.defined()) {
    const BlockWeights& w = network_->weights().blocks[layer_];
    first_ = PackedAffine(w.ln2_weight.unsqueeze(1) * w.in_weight, {}, pack_);
  }
  return first_;
}

const PackedAffine& CandidateLayer::HeadProduct(int64_t head) {
  PackedAffine& by_head = head_products_[head];
  if (!by_head.defined()) {
    const PackedAffine& first = First();
    const at::Tensor written = OutputWeight(*network_, layer_, head);  // [d_head, d_model]
    by_head = PackedAffine(first(written - written.mean(-1, /*keepdim=*/true)), {}, pack_);
  }
  return by_head;
}

at::Tensor CandidateLayer::Product(const at::Tensor& mid) { return First()(mid - mid.mean(-1, /*keepdim=*/true)); }

at::Tensor CandidateLayer::ChangedProduct(const at::Tensor& product, int64_t head, const at::Tensor& dz) {
  return HeadProduct(head).Plus(product, dz);
}

at::Tensor CandidateLayer::Post(const at::Tensor& mid, const at::Tensor& product) {
  const ModelConfig& config = network_->config();
  const auto normalized = at::native_layer_norm(mid, {config.d_model}, {}, {}, config.layer_norm_epsilon);
  const at::Tensor& inverse_scale = std::get<2>(normalized);  // [rows, 1]
  return Activate(config, at::addcmul(bias_, product, inverse_scale));
}

}  // namespace circuitd
