#include "server/graph/comparison_json.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "server/graph/compare.h"
#include "server/graph/json_text.h"
#include "server/graph/node_json.h"

namespace circuitd {
namespace {

using Json = nlohmann::ordered_json;

Json OverlapJson(const Overlap& overlap) {
  const Overlap other_way = {overlap.shared, overlap.in_b, overlap.in_a};
  return {{"shared", overlap.shared},
          {"in_a", overlap.in_a},
          {"in_b", overlap.in_b},
          {"jaccard", overlap.Jaccard()},
          {"a_in_b", overlap.Containment()},
          {"b_in_a", other_way.Containment()}};
}

std::string EdgeLines(const EdgeSet& edges) {
  std::string lines;
  for (const Edge& edge : edges.Edges()) {
    absl::StrAppend(&lines, "    {\"sender\": \"", NodeName(edge.sender), "\", \"receiver\": \"",
                    NodeName(edge.receiver), "\"},\n");
  }
  return lines;
}

}  // namespace

std::string ComparisonJson(absl::Span<const ComparedCircuit> circuits) {
  const ModelConfig& config = circuits[0].document.config;
  Json described = Json::array(), pairs = Json::array();
  std::vector<Circuit> all;
  for (const ComparedCircuit& compared : circuits) {
    const CircuitDocument& document = compared.document;
    all.push_back(document.circuit);
    Json one = {{"label", compared.label},
                {"nodes", document.circuit.nodes.size()},
                {"edges", EdgesOf(config, document.circuit).size()},
                {"own_edges", document.circuit.edges.has_value()}};
    const Json results = JsonObjectOf(document.results_json);
    if (results.contains("score") && results["score"].is_number()) one["score"] = results["score"];
    described.push_back(std::move(one));
  }
  for (size_t a = 0; a < all.size(); ++a) {
    for (size_t b = a + 1; b < all.size(); ++b) {
      pairs.push_back({{"a", circuits[a].label},
                       {"b", circuits[b].label},
                       {"nodes", OverlapJson(CompareNodes(all[a], all[b]))},
                       {"edges", OverlapJson(CompareEdges(config, all[a], all[b]))}});
    }
  }
  const Circuit shared = *SharedCircuit(config, all);
  Json nodes = Json::array();
  for (const Node& node : shared.nodes) AddNodeKeys(node, nodes.emplace_back(Json::object()));
  JsonObjectWriter writer;
  writer.Add("schema", "circuitd.comparison/1");
  writer.Add("circuits", described);
  writer.Add("pairs", pairs);
  writer.Add("shared_nodes", nodes);
  if (shared.edges) writer.AddList("shared_edges", '[', EdgeLines(*shared.edges), ']');
  return std::move(writer).Finish();
}

}  // namespace circuitd
