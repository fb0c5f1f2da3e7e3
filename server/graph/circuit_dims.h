// A model's dimensions as circuit files have them.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "server/graph/circuit_file.h"
#include "server/model/config.h"

namespace circuitd {

// Heads and MLPs that a model may have by a file, or by a person. The largest GPT-2 has 1,248; what is claimed decides
// how much memory the edges take.
inline constexpr int kMostNodes = 2048;

// The dimensions in `dims`, 0 for those that are not there, or `model`, with which they have to agree. INVALID_ARGUMENT
// names the key below `place`, value and bound; without a model, n_layers and n_heads have to be there, and to be of a
// model whose edges fit in memory.
absl::StatusOr<ModelConfig> ReadDims(const FileJson& dims, const std::string& place, const ModelConfig* model);

}  // namespace circuitd
