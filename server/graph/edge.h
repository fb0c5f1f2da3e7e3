// Edges of the computational graph: from what writes to the residual stream to what reads it.
#pragma once

#include <compare>
#include <string>

#include "absl/status/status.h"
#include "server/graph/node.h"
#include "server/model/config.h"

namespace circuitd {

struct Edge {
  Node sender;
  Node receiver;

  friend auto operator<=>(const Edge&, const Edge&) = default;
};

// "A5.1->A7.11.q".
std::string EdgeName(const Edge& edge);

// INVALID_ARGUMENT names "sender.layer", "receiver.input" …, or, where the sender is not below the receiver, "sender":
// such an edge would close a cycle.
absl::Status ValidateEdge(const ModelConfig& config, const Edge& edge);

}  // namespace circuitd
