#include "bench/random_model.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/model/gpt2.h"
#include "server/model/model_loader.h"
#include "server/model/torch_border.h"
#include "tools/model_folder.h"

namespace circuitd {
namespace {

ModelConfig Shape(int n_layers, int n_heads, int d_model, int n_ctx, int d_vocab) {
  ModelConfig config;
  config.n_layers = n_layers;
  config.n_heads = n_heads;
  config.d_model = d_model;
  config.d_head = d_model / n_heads;
  config.d_mlp = 4 * d_model;
  config.n_ctx = n_ctx;
  config.d_vocab = d_vocab;
  return config;
}

constexpr double kScale = 0.02;

Gpt2Weights RandomWeights(const ModelConfig& c, uint64_t seed) {
  const at::Generator generator = at::detail::createCPUGenerator(seed);
  const auto matrix = [&](int64_t rows, int64_t columns) { return at::randn({rows, columns}, generator).mul_(kScale); };
  const auto vector = [&](int64_t size, double mean = 0) {
    return at::randn({size}, generator).mul_(kScale).add_(mean);
  };
  Gpt2Weights w;
  w.embed = matrix(c.d_vocab, c.d_model);
  w.pos_embed = matrix(c.n_ctx, c.d_model);
  for (int layer = 0; layer < c.n_layers; ++layer) {
    BlockWeights b;
    b.ln1_weight = vector(c.d_model, 1);
    b.ln1_bias = vector(c.d_model);
    b.attn_weight = matrix(c.d_model, 3 * c.d_model);
    b.attn_bias = vector(3 * c.d_model);
    b.o_weight = matrix(c.d_model, c.d_model);
    b.o_bias = vector(c.d_model);
    b.ln2_weight = vector(c.d_model, 1);
    b.ln2_bias = vector(c.d_model);
    b.in_weight = matrix(c.d_model, c.d_mlp);
    b.in_bias = vector(c.d_mlp);
    b.out_weight = matrix(c.d_mlp, c.d_model);
    b.out_bias = vector(c.d_model);
    w.blocks.push_back(std::move(b));
  }
  w.ln_final_weight = vector(c.d_model, 1);
  w.ln_final_bias = vector(c.d_model);
  w.unembed = w.embed;
  return w;
}

}  // namespace

absl::StatusOr<ModelConfig> ShapeNamed(absl::string_view name) {
  if (name == "demo") return Shape(4, 8, 128, 64, 1088);
  if (name == "distilgpt2") return Shape(6, 12, 768, 1024, 50257);
  if (name == "gpt2") return Shape(12, 12, 768, 1024, 50257);
  if (name == "gpt2-medium") return Shape(24, 16, 1024, 1024, 50257);
  return absl::InvalidArgumentError(absl::StrCat("shape: ", name, ", must be demo, distilgpt2, gpt2 or gpt2-medium"));
}

std::unique_ptr<Model> RandomModel(const ModelConfig& config, uint64_t seed) {
  return std::make_unique<Model>("random", config, nullptr, std::make_unique<Gpt2>(config, RandomWeights(config, seed)),
                                 nullptr, "cpu", DType::kFloat32);
}

absl::Status WriteRandomModel(const ModelConfig& config, uint64_t seed, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return absl::FailedPreconditionError(absl::StrCat(folder, ": ", error.message()));
  return InTorch([&] { return WriteModel(config, RandomWeights(config, seed), folder); });
}

absl::StatusOr<std::shared_ptr<const Model>> LoadFolder(const std::string& folder) {
  return LoadModel({.name = "bench", .aliases = {}, .folder = folder}, DeviceId{}, DType::kFloat32,
                   std::make_shared<FileHashCache>());
}

}  // namespace circuitd
