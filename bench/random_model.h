// Random GPT-2s of the usual shapes, in memory and as Hugging Face folders: what benchmarks run on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/config.h"
#include "server/model/model.h"

namespace circuitd {

// "demo" (models/seqcont-demo), "distilgpt2", "gpt2" or "gpt2-medium"; INVALID_ARGUMENT, listing them, for other names.
absl::StatusOr<ModelConfig> ShapeNamed(absl::string_view name);

// Float32 on the CPU, without tokenizer, the same for the same seed. Matrices are scaled as GPT-2's are before
// training, but for those that write to the residual stream, which aren't scaled down, so that every node matters;
// vectors aren't constant, so that a mistake in one shows. Torch's exceptions pass through.
std::unique_ptr<Model> RandomModel(const ModelConfig& config, uint64_t seed);

// The same weights as config.json and model.safetensors in `folder`, which is made if it is not there.
absl::Status WriteRandomModel(const ModelConfig& config, uint64_t seed, const std::string& folder);

// Loads a Hugging Face folder as float32 on the CPU, by the server's own way.
absl::StatusOr<std::shared_ptr<const Model>> LoadFolder(const std::string& folder);

}  // namespace circuitd
