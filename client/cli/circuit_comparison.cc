#include "client/cli/circuit_comparison.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "client/cli/circuit_files.h"
#include "client/cli/table.h"
#include "client/cli/text.h"
#include "nlohmann/json.hpp"
#include "server/graph/compare.h"

namespace circuitd::client {
namespace {

bool HasEdges(const ComparedCircuit& circuit) { return circuit.document.circuit.edges.has_value(); }

std::string Percent(double share) { return absl::StrFormat("%.1f%%", 100 * share); }

// A row for each two circuits.
Table PairTable(absl::Span<const ComparedCircuit> circuits, const std::string& unit,
                const std::function<Overlap(const Circuit&, const Circuit&)>& compare) {
  Table table({"A", "B", absl::StrCat(">", unit, " OF A"), ">OF B", ">SHARED", ">JACCARD", ">A IN B", ">B IN A"});
  for (size_t i = 0; i < circuits.size(); ++i) {
    for (size_t k = i + 1; k < circuits.size(); ++k) {
      const Circuit& a = circuits[i].document.circuit;
      const Circuit& b = circuits[k].document.circuit;
      const Overlap overlap = compare(a, b);
      table.Add({circuits[i].label, circuits[k].label, WithThousands(static_cast<uint64_t>(overlap.in_a)),
                 WithThousands(static_cast<uint64_t>(overlap.in_b)),
                 WithThousands(static_cast<uint64_t>(overlap.shared)), absl::StrFormat("%.3f", overlap.Jaccard()),
                 Percent(overlap.Containment()), Percent(compare(b, a).Containment())});
    }
  }
  return table;
}

}  // namespace

absl::StatusOr<std::vector<ComparedCircuit>> ParseCompared(const std::vector<std::string>& paths,
                                                           absl::Span<const LocalCircuit> files,
                                                           const std::optional<CircuitModel>& model) {
  std::vector<ComparedCircuit> circuits(paths.size());
  std::optional<CircuitModel> known = model;
  // Where no model is given, files without dimensions wait for one that has them.
  const auto lacks_dimensions = [&](size_t i) {
    const absl::StatusOr<CircuitFormat> format = CircuitFormatOf(*files[i].bytes);
    return format.ok() && *format == CircuitFormat::kSeqcontJson;
  };
  for (const bool without : {false, true}) {
    for (size_t i = 0; i < paths.size(); ++i) {
      if (lacks_dimensions(i) != without) continue;
      circuits[i].label = files[i].source.label();
      ASSIGN_OR_RETURN(circuits[i].document, ParseCircuitFile(paths[i], *files[i].bytes, without ? known : model));
      if (!known) known = ModelIdentityOf(circuits[i].document);
    }
  }
  for (size_t i = 0; i < paths.size(); ++i) {
    for (size_t k = i + 1; k < paths.size(); ++k) {
      RETURN_IF_ERROR(CheckSameModel(paths[i], ModelIdentityOf(circuits[i].document), paths[k],
                                     ModelIdentityOf(circuits[k].document)));
    }
  }
  return circuits;
}

absl::StatusOr<CircuitDocument> SharedDocument(absl::Span<const ComparedCircuit> circuits, const std::string& created) {
  CircuitDocument shared;
  std::vector<Circuit> all;
  nlohmann::ordered_json labels = nlohmann::ordered_json::array();
  for (const ComparedCircuit& circuit : circuits) {
    const CircuitModel model = ModelIdentityOf(circuit.document);
    CompleteModel(model, shared);
    all.push_back(circuit.document.circuit);
    labels.push_back(circuit.label);
  }
  ASSIGN_OR_RETURN(shared.circuit, SharedCircuit(shared.config, all));
  shared.parameters_json = nlohmann::ordered_json({{"method", "shared"}, {"circuits", labels}}).dump();
  shared.created = created;
  return shared;
}

void AddComparison(absl::Span<const ComparedCircuit> circuits, const CircuitDocument& shared, Report& report) {
  const bool edges = std::any_of(circuits.begin(), circuits.end(), HasEdges);
  report.AddTable(PairTable(circuits, "NODES", CompareNodes));
  if (edges) {
    report.AddTable(PairTable(circuits, "EDGES",
                              [&](const Circuit& a, const Circuit& b) { return CompareEdges(shared.config, a, b); }));
  }
  const NodeSet& nodes = shared.circuit.nodes;
  report.AddLine(
      absl::StrCat("Shared by all: ", CountOf(static_cast<uint64_t>(CountHeads(nodes)), "head"), ", ",
                   CountOf(static_cast<uint64_t>(CountMlps(nodes)), "MLP"),
                   shared.circuit.edges ? absl::StrCat(", ", CountOf(shared.circuit.edges->size(), "edge")) : ""));
  std::map<int, std::vector<std::string>, std::greater<>> layers;
  for (const Node& node : nodes) layers[node.layer].push_back(NodeName(node));
  for (const auto& [layer, names] : layers) {
    report.AddLine(absl::StrFormat("  layer %2d  %s", layer, absl::StrJoin(names, " ")));
  }
}

}  // namespace circuitd::client
