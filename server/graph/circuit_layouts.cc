// Circuits in the layouts of other tools: EAP-IG's and seqcont's.
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/graph/circuit_document.h"
#include "server/graph/compare.h"
#include "server/graph/edge_order.h"
#include "server/graph/json_text.h"
#include "server/graph/node_names.h"

namespace circuitd {
namespace {

using Json = nlohmann::ordered_json;

void AddNodeLine(const Node& node, bool in_graph, std::string& lines) {
  absl::StrAppend(&lines, "    \"", EapNodeName(node), "\": {\"in_graph\": ", in_graph ? "true" : "false", "},\n");
}

}  // namespace

std::string EapJson(const CircuitDocument& document) {
  const ModelConfig& config = document.config;
  const NodeSet& nodes = document.circuit.nodes;
  const EdgeSet edges = EdgesOf(config, document.circuit);
  std::string node_lines, edge_lines;
  for (int rank = 0; rank < SenderCount(config); ++rank) {
    const Node node = SenderOfRank(config, rank);
    AddNodeLine(node, rank == 0 || nodes.contains(node), node_lines);
  }
  AddNodeLine(Node::Logits(), true, node_lines);
  for (int receiver = 0; receiver < edges.receiver_count(); ++receiver) {
    const Node to = ReceiverOfRank(config, receiver);
    const int senders = SendersBelow(config, to);
    for (int sender = 0; sender < senders; ++sender) {
      const bool in_graph = edges.Contains(receiver, sender);
      // Readers of the layout need a score, and some take the best edges by it.
      const double score = document.scores ? document.scores->At(receiver, sender) : in_graph;
      absl::StrAppend(&edge_lines, "    \"", EapEdgeName({SenderOfRank(config, sender), to}),
                      "\": {\"score\": ", JsonText(score, -1), ", \"in_graph\": ", in_graph ? "true" : "false", "},\n");
    }
  }
  JsonObjectWriter writer;
  Json cfg = {{"n_layers", config.n_layers}, {"n_heads", config.n_heads}, {"parallel_attn_mlp", false}};
  if (config.d_model) cfg["d_model"] = config.d_model;
  writer.Add("cfg", cfg);
  writer.AddList("nodes", '{', node_lines, '}');
  writer.AddList("edges", '{', edge_lines, '}');
  return std::move(writer).Finish();
}

std::string SeqcontJson(const NodeSet& circuit) {
  Json heads = Json::array(), mlps = Json::array();
  for (const Node& node : circuit) {
    if (node.is_head()) {
      heads.push_back(Json::array({node.layer, node.head}));
    } else {
      mlps.push_back(node.layer);
    }
  }
  return JsonText({{"heads", std::move(heads)}, {"mlps", std::move(mlps)}}, -1) + "\n";
}

}  // namespace circuitd
