#include "server/circuit/engine/circuit_layers.h"

#include <algorithm>

namespace circuitd {

CircuitLayers::CircuitLayers(const ModelConfig& config, const NodeSet& circuit) : layers_(config.n_layers) {
  for (LayerNodes& layer : layers_) layer.mlp = false;
  for (const Node& node : circuit) {
    if (node.is_head()) {
      layers_[node.layer].heads.push_back(node.head);
      top_attention_ = std::max(top_attention_, node.layer);
    } else {
      layers_[node.layer].mlp = true;
    }
  }
}

std::vector<int> CircuitLayers::AblatedMlps(int begin) const {
  std::vector<int> ablated;
  for (int layer = begin; layer < n_layers(); ++layer) {
    if (!layers_[layer].mlp) ablated.push_back(layer);
  }
  return ablated;
}

CircuitLayers CircuitLayers::WithAllMlps() const {
  CircuitLayers all = *this;
  for (LayerNodes& layer : all.layers_) layer.mlp = true;
  return all;
}

bool CircuitLayers::ServesBefore(int layer, const CircuitLayers& other) const {
  return (IsReadAbove(layer - 1) || !other.IsReadAbove(layer - 1)) &&
         std::equal(layers_.begin(), layers_.begin() + layer, other.layers_.begin());
}

}  // namespace circuitd
