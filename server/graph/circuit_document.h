// A circuit with all that is known of where it comes from: what circuit.json holds, and other formats a part of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/graph/circuit.h"
#include "server/graph/edge_set.h"
#include "server/model/config.h"

namespace circuitd {

struct CircuitDocument {
  std::string model_name;  // empty: not known, as what follows
  std::string model_sha256;
  // Dimensions: n_layers and n_heads always, others 0 where they are not known.
  ModelConfig config;
  // JSON objects, or empty: the prompts' source as the request gave it; {"method": "acdc", …}; and
  // {"score": 81.2, "decision_count": 73, …}, whose keys stand at the top of circuit.json.
  std::string task_json;
  std::string parameters_json;
  std::string results_json;
  Circuit circuit;
  // Of edge circuits: scores of all edges of the model, in the circuit or not.
  std::optional<EdgeScores> scores;
  std::string server_version;
  std::string device;
  std::string dtype;
  std::string created;  // RFC 3339, UTC
};

// Of models with more edges circuit.json has the scores of the circuit's edges alone: with all of them it would be too
// large to be read again. GPT-2 medium has 232,000, large has 811,000.
inline constexpr int64_t kMaxScoredEdges = 500'000;

// circuit.json: "schema": "circuitd.circuit/1" (docs/circuit-json.md, docs/circuit.schema.json).
std::string CircuitJson(const CircuitDocument& document);

// The layout that EAP-IG (arXiv 2403.17806) and the MIB benchmark (arXiv 2504.13151) read and write: {"cfg", "nodes",
// "edges"}. A node circuit has all edges between its nodes.
std::string EapJson(const CircuitDocument& document);

// The layout of the results published with arXiv 2311.04131: {"heads": [[layer, head], …], "mlps": [layer, …]}. Of an
// edge circuit, its nodes.
std::string SeqcontJson(const NodeSet& circuit);

enum class CircuitFormat { kCircuitJson, kEapJson, kSeqcontJson };

// A file of any of these formats; which it is shows in its keys. `model` is what a format takes that names no
// dimensions, and what must agree with those that do; nullptr: not known. INVALID_ARGUMENT names key or entry, value
// and bound: JSON that is none, a file of none of these layouts or of a later version, over kMaxCircuitFileBytes, a
// node or edge that the model doesn't have, one that is there twice, an edge whose sender is not below its receiver
// (so there are no cycles) or whose end is not among the nodes, a number that is not finite, other dimensions than the
// model's. circuit.json's unknown keys are kept among the results, others are ignored. Takes time in proportion to the
// text. Thread-safe.
absl::StatusOr<CircuitDocument> ParseCircuit(absl::string_view text, const ModelConfig* model);

// As the file's keys have it; its nodes and edges are not checked.
absl::StatusOr<CircuitFormat> CircuitFormatOf(absl::string_view text);

inline constexpr size_t kMaxCircuitFileBytes = size_t{64} << 20;

}  // namespace circuitd
