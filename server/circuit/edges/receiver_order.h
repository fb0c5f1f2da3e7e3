// The order in which algorithms that decide edge by edge go through receivers.
#pragma once

#include <vector>

#include "server/model/config.h"

namespace circuitd {

// Ranks of all receivers from the logits down: in each layer the MLP, then the heads from the last to the first, v, k
// and q of each.
std::vector<int> ReceiversDown(const ModelConfig& config);

}  // namespace circuitd
