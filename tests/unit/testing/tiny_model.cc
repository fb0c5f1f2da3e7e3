#include "tests/unit/testing/tiny_model.h"

#include <ATen/CPUGeneratorImpl.h>

namespace circuitd::testing {

ModelConfig TinyConfig() {
  ModelConfig config;
  config.n_layers = 3;
  config.n_heads = 4;
  config.d_model = 16;
  config.d_head = 4;
  config.d_mlp = 64;
  config.n_ctx = 12;
  config.d_vocab = 23;
  return config;
}

Gpt2Weights RandomWeights(const ModelConfig& c, uint64_t seed) {
  const at::Generator generator = at::detail::createCPUGenerator(seed);
  const auto matrix = [&](int64_t rows, int64_t columns) { return at::randn({rows, columns}, generator) * 0.3; };
  const auto vector = [&](int64_t size) { return at::randn({size}, generator) * 0.1; };
  Gpt2Weights w;
  w.embed = matrix(c.d_vocab, c.d_model);
  w.pos_embed = matrix(c.n_ctx, c.d_model);
  for (int layer = 0; layer < c.n_layers; ++layer) {
    BlockWeights b;
    b.ln1_weight = vector(c.d_model) + 1;
    b.ln1_bias = vector(c.d_model);
    b.attn_weight = matrix(c.d_model, 3 * c.d_model);
    b.attn_bias = vector(3 * c.d_model);
    b.o_weight = matrix(c.d_model, c.d_model);
    b.o_bias = vector(c.d_model);
    b.ln2_weight = vector(c.d_model) + 1;
    b.ln2_bias = vector(c.d_model);
    b.in_weight = matrix(c.d_model, c.d_mlp);
    b.in_bias = vector(c.d_mlp);
    b.out_weight = matrix(c.d_mlp, c.d_model);
    b.out_bias = vector(c.d_model);
    w.blocks.push_back(std::move(b));
  }
  w.ln_final_weight = vector(c.d_model) + 1;
  w.ln_final_bias = vector(c.d_model);
  w.unembed = w.embed;
  return w;
}

std::unique_ptr<Model> TinyModel(uint64_t seed) {
  const ModelConfig config = TinyConfig();
  return std::make_unique<Model>("tiny", config, nullptr, std::make_unique<Gpt2>(config, RandomWeights(config, seed)),
                                 nullptr, "cpu", DType::kFloat32);
}

}  // namespace circuitd::testing
