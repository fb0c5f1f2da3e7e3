// Pictures of circuits and files for graph tools.
#pragma once

#include <string>

#include "server/graph/circuit_document.h"

namespace circuitd {

// Whether a head's q, k and v are receivers of their own, or edges go to the head: then the score of the strongest of
// the three counts, signs aside.
enum class HeadInputs { kSplit, kMerged };

// For graphviz, nodes ranked by layer; edges of an edge circuit in a colour for each input, as wide as their score.
std::string CircuitDot(const CircuitDocument& document, HeadInputs inputs);
// Layers bottom to top, heads in columns and the MLP beside them; nodes outside of the circuit are faint. Of an edge
// circuit the edges, too.
std::string CircuitSvg(const CircuitDocument& document, HeadInputs inputs);
// GraphML (graphml.graphdrawing.org), with kind, layer and head of nodes, input and score of edges. A node
// circuit has all edges between its nodes.
std::string CircuitGraphMl(const CircuitDocument& document, HeadInputs inputs);

}  // namespace circuitd
