// Random circuits and random subsets of circuits, the same for the same seed on every machine.
#pragma once

#include <cstdint>
#include <vector>

#include "server/circuit/evaluation/circuit_parts.h"
#include "server/graph/circuit.h"

namespace circuitd {

// Which draw: of an evaluation's seed, for its circuit of this place, of this number.
struct RandomDraw {
  uint64_t seed = 0;
  int circuit = 0;
  int index = 0;
};

// As many heads and as many MLPs as `like`, or, if that is an edge circuit, as many edges; each choice is as likely as
// every other. An edge circuit has the nodes that its edges join.
Circuit RandomCircuit(const ModelConfig& config, const Circuit& like, const RandomDraw& draw);

// Some of `parts`, each with a probability of 1/2, but never none of them. Of no parts, none.
std::vector<CircuitPart> RandomSubset(const std::vector<CircuitPart>& parts, const RandomDraw& draw);

}  // namespace circuitd
