// A picture of what circuits share and what each has alone: the main figure of arXiv 2311.04131.
#pragma once

#include <string>

#include "absl/types/span.h"
#include "server/graph/circuit_document.h"

namespace circuitd {

struct ComparedCircuit {
  std::string label;
  CircuitDocument document;
};

// The layout is CircuitSvg's. Nodes and edges that all circuits have are dark, those of one in that circuit's colour,
// those of some grey; letters on the nodes and dashes of the edges say the same. A head's inputs are merged. Edges are
// drawn if a circuit has its own; then a node circuit has those between its nodes. `circuits` are one or more, of one
// model.
std::string ComparisonSvg(absl::Span<const ComparedCircuit> circuits);

}  // namespace circuitd
