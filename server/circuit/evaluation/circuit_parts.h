// Circuits with parts taken out, and circuits that have nothing or everything.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "server/graph/circuit.h"

namespace circuitd {

// What can be taken out of a circuit: a node circuit's nodes; an edge circuit's nodes, with all edges from and into
// them, and its edges.
using CircuitPart = std::variant<Node, Edge>;

// "A3.1", "M2->logits".
std::string PartName(const CircuitPart& part);

// Nodes as NodeSet has them, then edges by receiver and sender in forward order.
std::vector<CircuitPart> PartsOf(const Circuit& circuit);
// What subsets of a circuit are of: an edge circuit's edges, otherwise nodes.
std::vector<CircuitPart> KnockoutPartsOf(const Circuit& circuit);

// The circuit without each of `parts`, whether or not it has them.
Circuit WithoutParts(Circuit circuit, const std::vector<CircuitPart>& parts);

// Of the same kind as `like`: all nodes of the model, or all edges.
Circuit WholeModel(const ModelConfig& config, const Circuit& like);
// No heads and no MLPs, or no edges.
Circuit EmptyCircuit(const ModelConfig& config, const Circuit& like);

}  // namespace circuitd
