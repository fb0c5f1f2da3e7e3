// From scores to a circuit.
#pragma once

#include <cstdint>

#include "server/graph/edge_set.h"

namespace circuitd {

struct EdgeSelection {
  enum class Rule {
    kTopK,       // the `count` edges of the highest scores
    kThreshold,  // edges whose score is `threshold` or more
    kGreedy,     // from the logits down: always the best edge whose receiver is the logits or a node that an edge
                 // taken before leaves, until there are `count` (Hanna et al. 2024, arXiv 2403.17806, section 3)
  };
  Rule rule = Rule::kTopK;
  int64_t count = 0;
  double threshold = 0;
  bool absolute = true;  // scores without their signs
};

// Equal scores go by receiver, then by sender, in forward order. Fewer edges than `count` where there are no more.
EdgeSet SelectEdges(const EdgeScores& scores, const EdgeSelection& selection);

}  // namespace circuitd
