// A GPT-2 model's dimensions and switches, read from Hugging Face's config.json.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace circuitd {

enum class Activation { kGeluNew, kGelu };  // tanh approximation, exact

// Named after TransformerLens's HookedTransformerConfig.
struct ModelConfig {
  int n_layers = 0;
  int n_heads = 0;
  int d_model = 0;
  int d_head = 0;  // d_model / n_heads
  int d_mlp = 0;
  int n_ctx = 0;
  int d_vocab = 0;
  double layer_norm_epsilon = 1e-5;
  Activation activation = Activation::kGeluNew;
  bool scale_attn_weights = true;
  bool scale_attn_by_inverse_layer_idx = false;
  bool tie_word_embeddings = true;
};

// Reads the text of a config.json. FAILED_PRECONDITION, naming key, value and bound, for anything but a GPT-2 whose
// numbers this server reproduces: another model_type, a missing or absurd dimension, n_embd that n_head does not
// divide, an activation other than gelu_new and gelu, add_cross_attention, reorder_and_upcast_attn, quantization_config
// …
absl::StatusOr<ModelConfig> ParseModelConfig(absl::string_view json);

}  // namespace circuitd
