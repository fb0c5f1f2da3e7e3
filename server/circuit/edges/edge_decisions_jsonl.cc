#include "server/circuit/edges/edge_decisions_jsonl.h"

#include "nlohmann/json.hpp"

namespace circuitd {

std::string EdgeDecisionsJsonl(const std::vector<EdgeDecision>& decisions) {
  std::string lines;
  for (const EdgeDecision& decision : decisions) {
    // A number that is not finite is written as null.
    const nlohmann::ordered_json line = {{"index", decision.index},
                                         {"sender", NodeName(decision.edge.sender)},
                                         {"receiver", NodeName(decision.edge.receiver)},
                                         {"metric", decision.metric},
                                         {"criterion", decision.criterion},
                                         {"removed", decision.removed},
                                         {"edges_kept", decision.edges_kept}};
    lines += line.dump() + "\n";
  }
  return lines;
}

}  // namespace circuitd
