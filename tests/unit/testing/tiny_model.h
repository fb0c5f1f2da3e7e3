// The weights of small random GPT-2 models for tests.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "server/model/config.h"
#include "server/model/gpt2.h"
#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd::testing {

// Weights large enough for attention and MLPs to matter, the same for the same seed.
Gpt2Weights RandomWeights(const ModelConfig& config, uint64_t seed);

}  // namespace circuitd::testing
