// What circuits have in common, as JSON.
#pragma once

#include <string>

#include "absl/types/span.h"
#include "server/graph/comparison_svg.h"

namespace circuitd {

// "schema": "circuitd.comparison/1" (docs/circuit-json.md): labels and sizes, of each pair the overlap of nodes and of
// edges, and what all share. `circuits` are one or more, of one model.
std::string ComparisonJson(absl::Span<const ComparedCircuit> circuits);

}  // namespace circuitd
