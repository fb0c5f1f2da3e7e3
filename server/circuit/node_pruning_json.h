// A pruning run as its files have it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "server/circuit/node_pruning.h"

namespace circuitd {

// decisions.jsonl: one decision a line.
std::string DecisionsJsonl(const std::vector<PruningDecision>& decisions);

// circuit.json's "parameters" and the results at its top (docs/circuit-json.md), as JSON objects.
std::string PruningParametersJson(const NodePruningOptions& options, size_t prompt_count);
std::string PruningResultsJson(const NodePruningResult& result);

}  // namespace circuitd
