// A run in which the nodes outside of a circuit carry their means.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "server/patching/activation_means.h"
#include "server/graph/node.h"
#include "server/model/gpt2.h"

namespace circuitd {

// Replaces the z of each head that is not in `circuit` and, with `ablate_mlps`, the mlp_out of each MLP that is not in
// it. The means have to outlive this.
class NodeAblation : public Hooks {
 public:
  NodeAblation(const Gpt2& network, const NodeSet& circuit, bool ablate_mlps, const std::vector<at::Tensor>& z_means,
               const std::vector<at::Tensor>& mlp_out_means);

  bool Wants(HookPoint point) const override;
  void Visit(HookPoint point, at::Tensor& value) override;

 private:
  const std::vector<at::Tensor>& z_means_;
  const std::vector<at::Tensor>& mlp_out_means_;
  std::vector<at::Tensor> ablated_heads_;  // by layer: [n_heads, 1] bool; undefined where all heads stay
  std::vector<bool> ablated_mlps_;
};

}  // namespace circuitd
