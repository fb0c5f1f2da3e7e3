#include "server/report/report_circuit_data.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "server/graph/document_text.h"
#include "server/graph/edge_order.h"
#include "server/report/circuit_charts.h"
#include "server/report/circuit_method.h"
#include "server/report/report_data.h"
#include "server/report/report_decisions_data.h"
#include "server/report/report_facts.h"
#include "server/report/report_heads_data.h"

namespace circuitd {
namespace {

struct Valued {
  Edge edge;
  double value = std::numeric_limits<double>::quiet_NaN();
};

// What the edges' numbers are, and their numbers: scores, or else what the decisions about them say.
std::string AddValues(const ReportedCircuit& circuit, std::vector<Valued>& edges) {
  const CircuitDocument& document = circuit.document;
  const CircuitMethod method = MethodOf(document);
  if (document.scores) {
    for (auto& [edge, value] : edges) {
      value =
          document.scores->At(ReceiverRank(document.config, edge.receiver), SenderRank(document.config, edge.sender));
    }
    return method.name.rfind("eap", 0) == 0 ? "attribution score" : "score";
  }
  const auto* decisions = std::get_if<std::vector<LoggedEdgeDecision>>(&circuit.decisions);
  if (decisions == nullptr) return "";
  std::map<Edge, double> criteria;
  for (const LoggedEdgeDecision& decision : *decisions) criteria[decision.edge] = decision.criterion;
  // The less is left with an edge patched, the more it matters.
  const bool lost = method.name == "edge_pruning";
  for (auto& [edge, value] : edges) {
    const auto criterion = criteria.find(edge);
    if (criterion != criteria.end()) value = lost ? 1 - criterion->second : criterion->second;
  }
  return lost ? "part of the logit difference lost" : method.Criterion();
}

ReportJson EdgesData(const ReportedCircuit& circuit) {
  if (!circuit.document.circuit.edges) return nullptr;
  const ModelConfig& config = circuit.document.config;
  std::vector<Valued> edges;
  for (const Edge& edge : circuit.document.circuit.edges->Edges()) edges.push_back({edge});
  const std::string score = AddValues(circuit, edges);
  ReportJson data = {{"count", edges.size()}, {"total", EdgeCount(config)}, {"score", score}};
  const auto size = [](const Valued& edge) { return std::isfinite(edge.value) ? std::abs(edge.value) : -1; };
  std::stable_sort(edges.begin(), edges.end(), [&](const Valued& a, const Valued& b) { return size(a) > size(b); });
  if (edges.size() > kMostShownEdges) edges.resize(kMostShownEdges);
  ReportJson columns = Columns({"sender", "receiver", "input", "value"});
  for (const auto& [edge, value] : edges) {
    AddEdge(config, edge, columns);
    columns["value"].push_back(ReportNumber(value));
  }
  data.update(columns);
  return data;
}

ReportJson NodesData(const CircuitDocument& document) {
  std::vector<int> nodes;
  for (const Node& node : document.circuit.nodes) nodes.push_back(ReportNode(document.config, node));
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

}  // namespace

ReportJson CircuitData(const ReportedCircuit& circuit) {
  const CircuitDocument& document = circuit.document;
  return {{"label", ReportText(circuit.label)},
          {"score_line", ReportText(ScoreLine(document))},
          {"parameter_line", ReportText(ParameterLine(document))},
          {"method", ReportText(MethodOf(document).name)},
          {"nodes", NodesData(document)},
          {"edges", EdgesData(circuit)},
          {"decisions", DecisionsData(circuit)},
          {"charts", CircuitCharts(circuit)},
          {"heads", HeadsData(circuit.heads, document.config)},
          {"facts", CircuitFacts(document)}};
}

}  // namespace circuitd
