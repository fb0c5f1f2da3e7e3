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
// (attn.hook_result) are computed only then.
class Hooks {
 public:
  virtual ~Hooks() = default;
  virtual bool Wants(HookPoint point) const = 0;
  // `value` may be read, kept, or replaced by one of the same shape; what it holds afterwards flows on.
  virtual void Visit(HookPoint point, at::Tensor& value) = 0;
};

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
  // changes nothing at the positions before it.
  at::Tensor RunLayers(at::Tensor residual, int begin, int end, Hooks* hooks = nullptr) const;
  // ln_final and unembedding: residual [..., d_model] -> logits [..., d_vocab].
  at::Tensor Unembed(const at::Tensor& residual, Hooks* hooks = nullptr) const;

 private:
  const ModelConfig config_;
  const Gpt2Weights weights_;
};

}  // namespace circuitd
