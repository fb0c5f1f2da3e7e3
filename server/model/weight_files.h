// Which files of a Hugging Face folder hold the weights, and where in them GPT-2's tensors lie.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/config.h"
#include "server/model/safetensors.h"

namespace circuitd {

struct WeightFiles {
  // What was read to know them: "model.safetensors", or the index and its shards.
  std::vector<std::pair<std::string, FileStamp>> names;
  std::vector<SafetensorsFile> files;
};

// Opens model.safetensors, or else the shards that model.safetensors.index.json names. FAILED_PRECONDITION, naming the
// file, if they are damaged, contradict each other, or aren't there; for a folder with pickled weights the message says
// how to convert them.
absl::StatusOr<WeightFiles> OpenWeightFiles(const std::string& folder);

struct WeightSpec {
  std::string name;  // without "transformer."
  std::vector<int64_t> shape;
};

// GPT-2's tensors: wte, wpe, the twelve of each block in the order of BlockWeights, ln_f's two, and lm_head if it is
// not tied.
std::vector<WeightSpec> Gpt2WeightSpecs(const ModelConfig& config);

// Where a tensor lies; points into a WeightFiles.
struct WeightSource {
  const SafetensorsFile* file = nullptr;
  const std::string* name = nullptr;  // as the file spells it
  const SafetensorsEntry* entry = nullptr;
  DType dtype = DType::kFloat32;
};

struct WeightSources {
  std::vector<WeightSource> tensors;         // in the order of Gpt2WeightSpecs
  std::optional<WeightSource> tied_unembed;  // the copy of wte that some files have
};

// Finds GPT-2's tensors, with or without the prefix "transformer."; the buffers that old versions of transformers saved
// (attn.bias, attn.masked_bias) are passed over. FAILED_PRECONDITION, naming file and tensor, for a tensor that is
// missing, unexpected, there twice, of another shape or of another dtype than F32, F16 and BF16.
absl::StatusOr<WeightSources> FindWeights(const ModelConfig& config, const WeightFiles& files);

}  // namespace circuitd
