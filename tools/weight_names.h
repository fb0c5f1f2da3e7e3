// A GPT-2's weights by the names that Hugging Face transformers saves them under.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/model/gpt2.h"

namespace circuitd {

struct NamedWeight {
  std::string name;  // "transformer.h.0.attn.c_attn.weight"
  std::vector<int64_t> shape;
  at::Tensor* tensor;  // in the weights that NamedWeights was given
};

// All weights of a model whose embedding is tied, so without the unembedding. `weights.blocks` has config.n_layers
// elements and outlives the result.
std::vector<NamedWeight> NamedWeights(const ModelConfig& config, Gpt2Weights& weights);

}  // namespace circuitd
