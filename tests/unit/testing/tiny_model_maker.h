// A small random GPT-2 model for tests that know nothing of torch.
#pragma once

#include <cstdint>
#include <memory>

#include "server/model/config.h"
#include "server/model/model.h"

namespace circuitd::testing {

// 3 layers, 4 heads, d_model 16, n_ctx 12, vocabulary of 23.
ModelConfig TinyConfig();

// A model of RandomWeights (tiny_model.h) without tokenizer, float32 on the CPU.
std::unique_ptr<Model> TinyModel(uint64_t seed = 1);

}  // namespace circuitd::testing
