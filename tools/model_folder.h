// Writes a trained model the way Hugging Face transformers does.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "server/model/gpt2.h"

namespace circuitd {

// Writes config.json and model.safetensors of a tied float32 model into `folder`, beside its tokenizer. The
// system's error if a file can't be written.
absl::Status WriteModel(const ModelConfig& config, Gpt2Weights weights, const std::string& folder);

}  // namespace circuitd
