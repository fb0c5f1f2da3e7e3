// Nodes as the project's JSON has them.
#pragma once

#include "nlohmann/json.hpp"
#include "server/graph/node.h"

namespace circuitd {

// Adds a head's or MLP's keys to `json`: "name", "kind", "layer" and, of heads, "head".
void AddNodeKeys(const Node& node, nlohmann::ordered_json& json);

}  // namespace circuitd
