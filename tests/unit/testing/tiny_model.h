// Small random GPT-2 models for tests.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>

#include "server/model/config.h"
#include "server/model/gpt2.h"
#include "server/model/model.h"

namespace circuitd::testing {

// 3 layers, 4 heads, d_model 16, n_ctx 12, vocabulary of 23.
ModelConfig TinyConfig();

// Weights large enough for attention and MLPs to matter, the same for the same seed.
Gpt2Weights RandomWeights(const ModelConfig& config, uint64_t seed);

// A model of them without tokenizer, float32 on the CPU.
std::unique_ptr<Model> TinyModel(uint64_t seed = 1);

}  // namespace circuitd::testing
