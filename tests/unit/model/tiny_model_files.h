// A GPT-2 of a few hundred numbers, as files that tests write, damage and load.
#pragma once

#include <cstring>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/model/config.h"
#include "server/model/host_tensor.h"
#include "server/model/safetensors_writer.h"
#include "server/model/weight_files.h"
#include "tests/unit/model/temp_folder.h"

namespace circuitd {

inline ModelConfig TinyConfig() {
  ModelConfig config;
  config.n_layers = 2;
  config.n_heads = 2;
  config.d_model = 4;
  config.d_head = 2;
  config.d_mlp = 16;
  config.n_ctx = 5;
  config.d_vocab = 7;
  return config;
}

// TinyConfig's config.json, with `more` before the closing brace (", \"key\": value").
inline std::string TinyConfigJson(const std::string& more = "") {
  return absl::StrCat(
      R"({"model_type": "gpt2", "n_layer": 2, "n_head": 2, "n_embd": 4, "n_positions": 5, "vocab_size": 7)", more, "}");
}

inline HostTensor FloatTensor(std::vector<int64_t> shape, float first) {
  HostTensor tensor{.dtype = DType::kFloat32, .shape = std::move(shape), .data = {}};
  int64_t count = 1;
  for (const int64_t dimension : tensor.shape) count *= dimension;
  tensor.data.resize(static_cast<size_t>(count) * sizeof(float));
  for (int64_t i = 0; i < count; ++i) {
    const float value = first + static_cast<float>(i) / 1024;
    std::memcpy(tensor.data.data() + i * sizeof(float), &value, sizeof(float));
  }
  return tensor;
}

using Tensors = std::map<std::string, HostTensor>;

// All tensors of `config` in float32, named with `prefix`; the i-th one's values are i, i + 1/1024, …, which float16
// and bfloat16 don't all hold.
inline Tensors TinyTensors(const ModelConfig& config, const std::string& prefix = "transformer.") {
  Tensors tensors;
  float first = 0;
  for (const WeightSpec& spec : Gpt2WeightSpecs(config)) {
    const bool is_head = spec.name == "lm_head.weight";
    tensors[is_head ? spec.name : prefix + spec.name] = FloatTensor(spec.shape, first);
    first += 1;
  }
  return tensors;
}

inline void WriteTensors(const TempFolder& folder, const std::string& name, const Tensors& tensors) {
  const absl::Status status = WriteSafetensors(folder / name, tensors, {{"format", "pt"}});
  ASSERT_TRUE(status.ok()) << status;
}

// config.json and model.safetensors of TinyConfig in `folder`/`name`.
inline void WriteTinyModel(const TempFolder& folder, const std::string& name) {
  folder.Write(name + "/config.json", TinyConfigJson());
  WriteTensors(folder, name + "/model.safetensors", TinyTensors(TinyConfig()));
}

}  // namespace circuitd
