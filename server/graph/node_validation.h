// Whether a model has a sender or receiver.
#pragma once

#include "absl/status/status.h"
#include "server/graph/node.h"
#include "server/model/config.h"

namespace circuitd {

// INVALID_ARGUMENT names the node's field ("layer", "head", "kind", "input"), its value and the bound.
absl::Status ValidateSender(const ModelConfig& config, const Node& sender);
absl::Status ValidateReceiver(const ModelConfig& config, const Node& receiver);

}  // namespace circuitd
