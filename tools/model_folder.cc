#include "tools/model_folder.h"

#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/safetensors_writer.h"
#include "tools/files.h"
#include "tools/weight_names.h"

namespace circuitd {
namespace {

// As transformers.GPT2Config saves itself; "<|endoftext|>" is the vocabulary's last token.
std::string ConfigJson(const ModelConfig& config) {
  const nlohmann::ordered_json json = {
      {"activation_function", "gelu_new"},
      {"architectures", {"GPT2LMHeadModel"}},
      {"attn_pdrop", 0.0},
      {"bos_token_id", config.d_vocab - 1},
      {"dtype", "float32"},
      {"embd_pdrop", 0.0},
      {"eos_token_id", config.d_vocab - 1},
      {"initializer_range", 0.02},
      {"layer_norm_epsilon", config.layer_norm_epsilon},
      {"model_type", "gpt2"},
      {"n_ctx", config.n_ctx},
      {"n_embd", config.d_model},
      {"n_head", config.n_heads},
      {"n_inner", config.d_mlp},
      {"n_layer", config.n_layers},
      {"n_positions", config.n_ctx},
      {"resid_pdrop", 0.0},
      {"scale_attn_by_inverse_layer_idx", false},
      {"scale_attn_weights", true},
      {"tie_word_embeddings", true},
      {"vocab_size", config.d_vocab},
  };
  return json.dump(2) + "\n";
}

HostTensor ToHost(const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
  return {DType::kFloat32, values.sizes().vec(),
          std::string(static_cast<const char*>(values.const_data_ptr()), values.nbytes())};
}

}  // namespace

absl::Status WriteModel(const ModelConfig& config, Gpt2Weights weights, const std::string& folder) {
  RETURN_IF_ERROR(WriteFile(absl::StrCat(folder, "/config.json"), ConfigJson(config)));
  std::map<std::string, HostTensor> tensors;
  for (const NamedWeight& weight : NamedWeights(config, weights)) tensors[weight.name] = ToHost(*weight.tensor);
  return WriteSafetensors(absl::StrCat(folder, "/model.safetensors"), tensors, {{"format", "pt"}});
}

}  // namespace circuitd
