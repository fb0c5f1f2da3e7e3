// An unpatched run over a micro-batch, with what patched runs take from it.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <set>
#include <vector>

#include "absl/types/span.h"
#include "server/model/gpt2.h"
#include "server/model/layer_products.h"
#include "server/model/micro_batch.h"

namespace circuitd {

// Which hook points of layers a run keeps: these kinds, of layers from `first_layer` on.
struct KeptHooks {
  std::set<HookKind> kinds;
  int first_layer = 0;
};

// Bytes that a run over prompts of at most `longest` tokens keeps for each token.
int64_t KeptBytesPerToken(const ModelConfig& config, const KeptHooks& kept, int64_t element_size);

class BaseRun {
 public:
  // Runs prompts side by side. Throws torch's exceptions.
  BaseRun(const LayerProducts& products, absl::Span<const std::vector<int>> prompts, const KeptHooks& kept);

  const PaddedPrompts& prompts() const { return prompts_; }
  int64_t batch() const { return prompts_.tokens.size(0); }
  int64_t pos() const { return prompts_.tokens.size(1); }
  // The value of a hook point that was to be kept.
  const at::Tensor& At(HookKind kind, int layer) const;
  // The residual stream before `layer`, which may be the number of layers: after the last one. [batch, pos, d_model]
  const at::Tensor& Residual(int layer) const;
  // [batch, d_vocab] float32 on the host.
  const at::Tensor& last_logits() const { return last_logits_; }

 private:
  const PaddedPrompts prompts_;
  std::vector<std::vector<at::Tensor>> kept_;  // by layer and kind
  at::Tensor residual_;                        // after the last layer
  at::Tensor last_logits_;
};

}  // namespace circuitd
