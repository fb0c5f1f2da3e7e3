// A circuit as a value: what of a model is kept.
#pragma once

#include <optional>

#include "server/graph/edge_set.h"
#include "server/graph/node.h"

namespace circuitd {

struct Circuit {
  // Heads and MLPs.
  NodeSet nodes;
  // nullopt: a node circuit, whose nodes read everything. Otherwise the ends of all edges are in `nodes` (or embed and
  // logits).
  std::optional<EdgeSet> edges;
};

}  // namespace circuitd
