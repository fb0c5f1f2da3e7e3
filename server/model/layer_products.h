// The matrix products of each layer, packed where many rows are to go through them.
#pragma once

#include <cstdint>
#include <vector>

#include "server/model/gpt2.h"
#include "server/model/packed_affine.h"

namespace circuitd {

// A layer is packed when it is first asked for, so that one that is never run costs nothing. Not thread-safe, as what
// runs the network is not. Throws torch's exceptions.
class LayerProducts {
 public:
  struct Layer {
    PackedAffine attn, o;  // [d_model, 3 * d_model], q k v side by side; [d_model, d_model]
    PackedAffine in, out;  // [d_model, d_mlp]; [d_mlp, d_model]
  };

  // Layers from `first_packed` on are packed, where the device and dtype allow it; others refer to the network's
  // weights. `network` has to outlive this.
  LayerProducts(const Gpt2& network, int first_packed);

  const Gpt2& network() const { return network_; }
  const Layer& At(int layer) const;

  // Bytes that the packed copies of layers from `first_packed` on take at most.
  static int64_t PackedBytes(const Gpt2& network, int first_packed);

 private:
  const Gpt2& network_;
  const int first_packed_;
  mutable std::vector<Layer> layers_;
};

// resid_mid [..., d_model] -> mlp_out, of the same shape.
at::Tensor MlpOut(const LayerProducts& products, int layer, const at::Tensor& resid_mid);

// The same -> resid_post.
at::Tensor AddMlp(const LayerProducts& products, int layer, const at::Tensor& resid_mid);

}  // namespace circuitd
