// The files that a pruning job leaves: circuit.json, decisions.jsonl, circuit.dot, circuit.svg, seqcont.json.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "server/circuit/node_pruning.h"
#include "server/graph/circuit_document.h"

namespace circuitd {

// Everything that a finished pruning run was made of.
struct PruningReport {
  std::string model_name;
  std::string model_sha256;
  ModelConfig config;
  std::string task_json;  // a JSON object: the prompts' source as the request gave it
  std::string server_version;
  std::string device;
  std::string dtype;
  std::string created;  // RFC 3339, UTC
  size_t prompt_count = 0;
  NodePruningOptions options;
  NodePruningResult result;
  std::vector<PruningDecision> decisions;
};

// Versioned: "schema": "circuitd.circuit/1". Documented in docs/circuit-json.md.
std::string CircuitJson(const PruningReport& report);
// One decision a line.
std::string DecisionsJsonl(const std::vector<PruningDecision>& decisions);
// For graphviz, nodes ranked by layer.
std::string CircuitDot(const PruningReport& report);
// Layers bottom to top, heads in columns and the MLP beside them; nodes outside the circuit are faint.
std::string CircuitSvg(const PruningReport& report);

}  // namespace circuitd
