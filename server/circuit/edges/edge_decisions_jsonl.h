// decisions.jsonl of jobs that decide edge by edge: enough to replay them.
#pragma once

#include <string>
#include <vector>

#include "server/circuit/edges/edge_decision.h"

namespace circuitd {

// One decision a line, in order.
std::string EdgeDecisionsJsonl(const std::vector<EdgeDecision>& decisions);

}  // namespace circuitd
