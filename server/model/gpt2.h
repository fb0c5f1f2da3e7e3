// GPT-2 (Radford et al. 2019) on raw Hugging Face weights, with every hook point visible and replaceable.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "server/model/config.h"
#include "server/model/hook_point.h"

namespace circuitd {

// Matrices are [in, out], as Hugging Face's Conv1D keeps them.
struct BlockWeights {
  at::Tensor ln1_weight, ln1_bias;    // [d_model]
  at::Tensor attn_weight, attn_bias;  // [d_model, 3 * d_model], q k v side by side; [3 * d_model]
  at::Tensor o_weight, o_bias;        // [d_model, d_model], rows grouped by head; [d_model]
  at::Tensor ln2_weight, ln2_bias;    // [d_model]
  at::Tensor in_weight, in_bias;      // [d_model, d_mlp]; [d_mlp]
  at::Tensor out_weight, out_bias;    // [d_mlp, d_model]; [d_model]
};

struct Gpt2Weights {
  at::Tensor embed;      // [d_vocab, d_model]
  at::Tensor pos_embed;  // [n_ctx, d_model]
  std::vector<BlockWeights> blocks;
  at::Tensor ln_final_weight, ln_final_bias;  // [d_model]
  at::Tensor unembed;                         // [d_vocab, d_model]; `embed` itself when tied
};

// What a run shows its caller. Only hook points that are wanted are visited, and those that nothing else needs
// (attn.hook_result) are computed only then. Wanting one changes no bit of what is computed, and neither does replacing
// a value by an equal one.
class Hooks {
 public:
  virtual ~Hooks() = default;
  virtual bool Wants(HookPoint point) const = 0;
  // `value` may be read, kept, or replaced by another tensor of the same shape, which flows on; it must not be changed
  // in place. hook_{q,k,v}_input are what the layer's ln1 and attn.hook_{q,k,v} are of, for each head apart: a change
  // adds what it makes of q, k or v, and ln1's own hook points don't show it. A scale is float32 in any model.
  virtual void Visit(HookPoint point, at::Tensor& value) = 0;
};

class LayerProducts;

// Const and shared; differentiable, so that the trainer runs the same code. Errors are torch's exceptions: callers
// catch them at their border (torch_border.h).
class Gpt2 {
 public:
  Gpt2(ModelConfig config, Gpt2Weights weights);

  const ModelConfig& config() const { return config_; }
  const Gpt2Weights& weights() const { return weights_; }
  at::Device device() const { return weights_.embed.device(); }
  at::ScalarType dtype() const { return weights_.embed.scalar_type(); }

  // tokens [batch, pos] int64, positions from 0 -> the residual stream before layer 0 [batch, pos, d_model].
  at::Tensor Embed(const at::Tensor& tokens, Hooks* hooks = nullptr) const;
  // Layers [begin, end): residual [batch, pos, d_model] -> the same shape. Attention is causal, so right padding
  // changes nothing at the positions before it. `products`, of this network, replace its weights: the same to rounding.
  at::Tensor RunLayers(at::Tensor residual, int begin, int end, Hooks* hooks = nullptr,
                       const LayerProducts* products = nullptr) const;
  // Embed and all layers: tokens [batch, pos] -> the residual stream after the last layer [batch, pos, d_model].
  at::Tensor Run(const at::Tensor& tokens, Hooks* hooks = nullptr, const LayerProducts* products = nullptr) const {
    return RunLayers(Embed(tokens, hooks), 0, config_.n_layers, hooks, products);
  }
  // The residual stream after the last layer -> the same shape.
  at::Tensor LnFinal(const at::Tensor& residual, Hooks* hooks = nullptr) const;
  // What LnFinal made [..., d_model] -> logits [..., d_vocab].
  at::Tensor Logits(const at::Tensor& normalized) const;
  // Both: residual [..., d_model] -> logits [..., d_vocab].
  at::Tensor Unembed(const at::Tensor& residual, Hooks* hooks = nullptr) const {
    return Logits(LnFinal(residual, hooks));
  }

 private:
  const ModelConfig config_;
  const Gpt2Weights weights_;
};

}  // namespace circuitd
