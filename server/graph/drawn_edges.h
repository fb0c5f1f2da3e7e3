// The edges of a circuit as pictures show them: a head's inputs apart or as one, and how strong each edge is.
#pragma once

#include <string>
#include <vector>

#include "server/graph/circuit_document.h"
#include "server/graph/circuit_exports.h"

namespace circuitd {

struct DrawnEdge {
  Edge edge;  // with merged inputs the receiver may be a head without an input
  double score = 0;
  double strength = 1;  // |score| of the strongest edge's; 1 where no scores are known
  std::string note;     // follows its name in the title
};

// In the order of EdgeSet::Edges(). Of edges that merge the strongest one's score counts.
std::vector<DrawnEdge> DrawnEdges(const EdgeSet& edges, const EdgeScores* scores, HeadInputs inputs);

}  // namespace circuitd
