// A circuit by layer, as runs go through it.
#pragma once

#include <cstdint>
#include <vector>

#include "server/graph/node.h"

namespace circuitd {

struct LayerNodes {
  std::vector<int64_t> heads;  // that are kept, ascending
  bool mlp = true;             // whether it is kept

  friend bool operator==(const LayerNodes&, const LayerNodes&) = default;
};

class CircuitLayers {
 public:
  CircuitLayers(const ModelConfig& config, const NodeSet& circuit);

  int n_layers() const { return static_cast<int>(layers_.size()); }
  const LayerNodes& operator[](int layer) const { return layers_[layer]; }

  // Whether an attention above `layer` reads what it leaves at positions other than the last: no kept head above, no
  // reader. Below zero `layer` is the embedding.
  bool IsReadAbove(int layer) const { return layer < top_attention_; }

  // Ablated MLPs from layer `begin` on, ascending.
  std::vector<int> AblatedMlps(int begin) const;

  // The same heads with every MLP kept: the run that MLPs' means are taken from.
  CircuitLayers WithAllMlps() const;

  // Whether this circuit's residual streams before `layer` are also the other's, and have the rows that the other
  // reads.
  bool ServesBefore(int layer, const CircuitLayers& other) const;

 private:
  std::vector<LayerNodes> layers_;
  int top_attention_ = -1;  // the highest layer with a kept head; -1 if there is none
};

}  // namespace circuitd
