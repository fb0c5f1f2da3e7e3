#include "server/report/decisions_of_circuit.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/graph/circuit_entries.h"
#include "server/graph/json_text.h"

namespace circuitd {
namespace {

absl::Status OfAnotherJob(absl::string_view difference) {
  return absl::InvalidArgumentError(absl::StrCat(difference, ": of another job"));
}

absl::Status CheckCount(const CircuitDocument& document, size_t count) {
  const auto results = JsonObjectOf(document.results_json);
  const auto said = results.find("decision_count");
  if (said == results.end()) return OfAnotherJob(absl::StrCat("has ", count, " decisions, circuit.json says of none"));
  if (said->is_number_integer() && *said == count) return absl::OkStatus();
  return OfAnotherJob(absl::StrCat("has ", count, " decisions, circuit.json says ", ShowFileJson(*said)));
}

// The last that was decided about each is how it is. Nodes leave by their own decisions alone.
absl::Status CheckNodes(const NodeSet& circuit, const std::vector<LoggedNodeDecision>& decisions) {
  std::map<Node, bool> removed;
  for (const LoggedNodeDecision& decision : decisions) removed[decision.node] = decision.removed;
  for (const auto& [node, is_removed] : removed) {
    if (is_removed != circuit.contains(node)) continue;
    const char* const difference = is_removed ? ", which circuit.json has" : ", which circuit.json doesn't have";
    return OfAnotherJob(absl::StrCat(is_removed ? "removes " : "keeps ", NodeName(node), difference));
  }
  return absl::OkStatus();
}

// What was kept may have left afterwards, with all that it led to.
absl::Status CheckEdges(const EdgeSet& circuit, const std::vector<LoggedEdgeDecision>& decisions) {
  std::map<Edge, bool> removed;
  for (const LoggedEdgeDecision& decision : decisions) removed[decision.edge] = decision.removed;
  for (const auto& [edge, is_removed] : removed) {
    if (!is_removed || !circuit.Contains(edge)) continue;
    return OfAnotherJob(absl::StrCat("removes ", EdgeName(edge), ", which circuit.json has"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckDecisionsOf(const CircuitDocument& document, const LoggedDecisions& decisions) {
  const std::optional<EdgeSet>& edges = document.circuit.edges;
  if (const auto* of_nodes = std::get_if<std::vector<LoggedNodeDecision>>(&decisions)) {
    RETURN_IF_ERROR(CheckCount(document, of_nodes->size()));
    if (edges) return OfAnotherJob("has decisions about nodes, circuit.json has edges");
    return CheckNodes(document.circuit.nodes, *of_nodes);
  }
  if (const auto* of_edges = std::get_if<std::vector<LoggedEdgeDecision>>(&decisions)) {
    RETURN_IF_ERROR(CheckCount(document, of_edges->size()));
    if (!edges) return OfAnotherJob("has decisions about edges, circuit.json has none");
    return CheckEdges(*edges, *of_edges);
  }
  return absl::OkStatus();
}

}  // namespace circuitd
