#include "server/graph/compare.h"

#include <algorithm>
#include <optional>
#include <set>

namespace circuitd {
namespace {

double Ratio(int64_t part, int64_t whole) { return whole ? static_cast<double>(part) / static_cast<double>(whole) : 1; }

EdgeSet Both(const EdgeSet& a, const EdgeSet& b) {
  EdgeSet both(a.config());
  for (int receiver = 0; receiver < a.receiver_count(); ++receiver) {
    for (int sender = 0; sender < a.sender_count(); ++sender) {
      both.Set(receiver, sender, a.Contains(receiver, sender) && b.Contains(receiver, sender));
    }
  }
  return both;
}

}  // namespace

double Overlap::Jaccard() const { return Ratio(shared, in_a + in_b - shared); }

double Overlap::Containment() const { return Ratio(shared, in_a); }

EdgeSet EdgesOf(const ModelConfig& config, const Circuit& circuit) {
  return circuit.edges ? *circuit.edges : EdgeSet::Among(config, circuit.nodes);
}

Overlap CompareNodes(const Circuit& a, const Circuit& b) {
  const auto shared =
      std::count_if(a.nodes.begin(), a.nodes.end(), [&](const Node& node) { return b.nodes.contains(node); });
  return {shared, static_cast<int64_t>(a.nodes.size()), static_cast<int64_t>(b.nodes.size())};
}

Overlap CompareEdges(const ModelConfig& config, const Circuit& a, const Circuit& b) {
  const EdgeSet in_a = EdgesOf(config, a), in_b = EdgesOf(config, b);
  return {Both(in_a, in_b).size(), in_a.size(), in_b.size()};
}

absl::StatusOr<Circuit> SharedCircuit(const ModelConfig& config, absl::Span<const Circuit> circuits) {
  if (circuits.empty()) return absl::InvalidArgumentError("no circuits to compare");
  Circuit shared;
  shared.nodes = circuits[0].nodes;
  bool with_edges = false;
  for (const Circuit& circuit : circuits) {
    std::erase_if(shared.nodes, [&](const Node& node) { return !circuit.nodes.contains(node); });
    with_edges |= circuit.edges.has_value();
  }
  if (!with_edges) return shared;
  shared.edges = EdgesOf(config, circuits[0]);
  for (const Circuit& circuit : circuits.subspan(1)) shared.edges = Both(*shared.edges, EdgesOf(config, circuit));
  return shared;
}

}  // namespace circuitd
