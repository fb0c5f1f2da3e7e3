// What circuits have in common.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/graph/circuit.h"

namespace circuitd {

// Of two sets a and b.
struct Overlap {
  int64_t shared = 0;
  int64_t in_a = 0;
  int64_t in_b = 0;

  // |a and b| / |a or b|; 1 if both are empty.
  double Jaccard() const;
  // |a and b| / |a|: how much of a is in b; 1 if a is empty.
  double Containment() const;
};

// A circuit's own edges, or of a node circuit those between its nodes, embed and logits.
EdgeSet EdgesOf(const ModelConfig& config, const Circuit& circuit);

Overlap CompareNodes(const Circuit& a, const Circuit& b);
// Of a node circuit the edges between its nodes.
Overlap CompareEdges(const ModelConfig& config, const Circuit& a, const Circuit& b);

// What all of them have: nodes, and edges if one of them has any of its own. INVALID_ARGUMENT for none at all.
absl::StatusOr<Circuit> SharedCircuit(const ModelConfig& config, absl::Span<const Circuit> circuits);

}  // namespace circuitd
