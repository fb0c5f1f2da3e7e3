// Seconds that a model of GPT-2 small's size takes to load and to be fingerprinted, from files that it writes itself.
//
//   cmake --build build/dev --target load_time && build/dev/bench/load_time

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "server/model/registry.h"
#include "tests/unit/model/temp_folder.h"
#include "tests/unit/model/tiny_model_files.h"

namespace circuitd {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Numbers in (-0.1, 0.1) from a linear congruential generator: finite, and no two blocks alike.
HostTensor RandomTensor(const std::vector<int64_t>& shape, uint32_t& state) {
  HostTensor tensor = FloatTensor(shape, 0);
  for (size_t i = 0; i < tensor.data.size(); i += sizeof(float)) {
    state = state * 1664525u + 1013904223u;
    const float value = (static_cast<float>(state >> 8) / 16777216 - 0.5f) / 5;
    std::memcpy(tensor.data.data() + i, &value, sizeof value);
  }
  return tensor;
}

ModelConfig Gpt2Small() {
  ModelConfig config;
  config.n_layers = 12;
  config.n_heads = 12;
  config.d_model = 768;
  config.d_head = 64;
  config.d_mlp = 3072;
  config.n_ctx = 1024;
  config.d_vocab = 50257;
  return config;
}

void WriteModel(const TempFolder& folder) {
  Tensors tensors;
  uint32_t state = 1;
  for (const WeightSpec& spec : Gpt2WeightSpecs(Gpt2Small())) tensors[spec.name] = RandomTensor(spec.shape, state);
  folder.Write("big/config.json",
               R"({"model_type": "gpt2", "n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024,
                   "vocab_size": 50257})");
  WriteTensors(folder, "big/model.safetensors", tensors);
}

// Loads once, in a registry of its own, and prints how long it took.
void Measure(const ModelRegistry::Options& options, DType dtype) {
  ModelRegistry registry(options);
  auto begin = std::chrono::steady_clock::now();
  const auto model = registry.Load("big", {"cpu", dtype});
  const double load = SecondsSince(begin);
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.status().ToString().c_str());
    std::exit(1);
  }
  begin = std::chrono::steady_clock::now();
  const bool hashed = (*model)->Sha256().ok();
  std::printf("%s: loaded in %.2f s, fingerprint %s %.2f s later\n", std::string(DTypeName(dtype)).c_str(), load,
              hashed ? "known" : "failed", SecondsSince(begin));
}

}  // namespace
}  // namespace circuitd

int main() {
  const circuitd::TempFolder folder;
  circuitd::WriteModel(folder);
  circuitd::ModelRegistry::Options options;
  options.locations.repositories = {folder.path()};
  for (int run = 0; run < 5; ++run) circuitd::Measure(options, circuitd::DType::kFloat32);
  circuitd::Measure(options, circuitd::DType::kFloat16);
}
