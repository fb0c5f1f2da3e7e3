// A model's dimensions as circuit files have them.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "server/graph/circuit_file.h"
#include "server/model/config.h"

namespace circuitd {

// The dimensions in `dims`, 0 for those that are not there, or `model`, with which they have to agree. INVALID_ARGUMENT
// names the key below `place`, value and bound; without a model, n_layers and n_heads have to be there, and to be of a
// model whose edges fit in memory.
absl::StatusOr<ModelConfig> ReadDims(const FileJson& dims, const std::string& place, const ModelConfig* model);

}  // namespace circuitd
