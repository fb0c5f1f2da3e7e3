#include "server/report/report_decisions_data.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "server/report/circuit_method.h"
#include "server/report/report_data.h"

namespace circuitd {
namespace {

// Which decisions are shown, ascending: what stays comes before what leaves.
template <typename Decision>
std::vector<size_t> Shown(const std::vector<Decision>& decisions) {
  std::vector<size_t> shown(decisions.size());
  std::iota(shown.begin(), shown.end(), size_t{0});
  if (shown.size() <= kMostShownDecisions) return shown;
  std::stable_partition(shown.begin(), shown.end(), [&](size_t i) { return !decisions[i].removed; });
  shown.resize(kMostShownDecisions);
  std::sort(shown.begin(), shown.end());
  return shown;
}

// What both kinds have, before their columns.
ReportJson Start(const char* kind, size_t count, double threshold) {
  return {{"kind", kind}, {"count", count}, {"threshold", ReportNumber(threshold)}};
}

ReportJson NodeDecisions(const std::vector<LoggedNodeDecision>& decisions, const CircuitDocument& document) {
  ReportJson data = Start("nodes", decisions.size(), 100 - MethodOf(document).threshold);
  ReportJson columns =
      Columns({"index", "node", "score", "removed", "iteration", "backward", "heads_kept", "mlps_kept"});
  for (const size_t i : Shown(decisions)) {
    const LoggedNodeDecision& decision = decisions[i];
    columns["index"].push_back(i);
    columns["node"].push_back(ReportNode(document.config, decision.node));
    columns["score"].push_back(ReportNumber(decision.score));
    columns["removed"].push_back(decision.removed ? 1 : 0);
    columns["iteration"].push_back(decision.iteration);
    columns["backward"].push_back(decision.backward ? 1 : 0);
    columns["heads_kept"].push_back(decision.heads_kept);
    columns["mlps_kept"].push_back(decision.mlps_kept);
  }
  data.update(columns);
  return data;
}

ReportJson EdgeDecisions(const std::vector<LoggedEdgeDecision>& decisions, const CircuitDocument& document) {
  const CircuitMethod method = MethodOf(document);
  ReportJson data = Start("edges", decisions.size(), method.threshold);
  data["criterion"] = method.Criterion();
  ReportJson columns =
      Columns({"index", "sender", "receiver", "input", "metric", "criterion_value", "removed", "edges_kept"});
  for (const size_t i : Shown(decisions)) {
    const LoggedEdgeDecision& decision = decisions[i];
    columns["index"].push_back(i);
    AddEdge(document.config, decision.edge, columns);
    columns["metric"].push_back(ReportNumber(decision.metric));
    columns["criterion_value"].push_back(ReportNumber(decision.criterion));
    columns["removed"].push_back(decision.removed ? 1 : 0);
    columns["edges_kept"].push_back(decision.edges_kept);
  }
  data.update(columns);
  return data;
}

}  // namespace

ReportJson DecisionsData(const ReportedCircuit& circuit) {
  if (const auto* nodes = std::get_if<std::vector<LoggedNodeDecision>>(&circuit.decisions)) {
    return NodeDecisions(*nodes, circuit.document);
  }
  if (const auto* edges = std::get_if<std::vector<LoggedEdgeDecision>>(&circuit.decisions)) {
    return EdgeDecisions(*edges, circuit.document);
  }
  return nullptr;
}

}  // namespace circuitd
