// circuit.json.
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/graph/circuit_document.h"
#include "server/graph/document_keys.h"
#include "server/graph/edge_order.h"
#include "server/graph/json_text.h"
#include "server/graph/node_json.h"

namespace circuitd {
namespace {

using Json = nlohmann::ordered_json;

Json DimsJson(const ModelConfig& config) {
  Json dims = Json::object();
  const std::pair<const char*, int> all[] = {{"n_layers", config.n_layers}, {"n_heads", config.n_heads},
                                             {"d_model", config.d_model},   {"d_head", config.d_head},
                                             {"d_mlp", config.d_mlp},       {"n_ctx", config.n_ctx},
                                             {"d_vocab", config.d_vocab}};
  for (const auto& [key, value] : all) {
    if (value) dims[key] = value;
  }
  return dims;
}

// The edges in the circuit, or those outside whose score is not 0.
std::string EdgeLines(const EdgeSet& edges, const std::optional<EdgeScores>& scores, bool inside) {
  const ModelConfig& config = edges.config();
  std::string lines;
  for (int receiver = 0; receiver < edges.receiver_count(); ++receiver) {
    const Node to = ReceiverOfRank(config, receiver);
    const int senders = SendersBelow(config, to);
    for (int sender = 0; sender < senders; ++sender) {
      if (edges.Contains(receiver, sender) != inside) continue;
      const double score = scores ? scores->At(receiver, sender) : 0;
      if (!inside && score == 0) continue;
      absl::StrAppend(&lines, "    {\"sender\": \"", NodeName(SenderOfRank(config, sender)), "\", \"receiver\": \"",
                      NodeName(to), "\"");
      if (scores) absl::StrAppend(&lines, ", \"score\": ", JsonText(score, -1));
      lines += "},\n";
    }
  }
  return lines;
}

}  // namespace

void AddNodeKeys(const Node& node, Json& json) {
  json["name"] = NodeName(node);
  json["kind"] = node.is_head() ? "attention_head" : "mlp";
  json["layer"] = node.layer;
  if (node.is_head()) json["head"] = node.head;
}

std::string CircuitJson(const CircuitDocument& document) {
  Json nodes = Json::array();
  for (const Node& node : document.circuit.nodes) AddNodeKeys(node, nodes.emplace_back(Json::object()));
  JsonObjectWriter writer;
  writer.Add("schema", kCircuitSchema);
  writer.Add("model",
             {{"name", document.model_name}, {"sha256", document.model_sha256}, {"dims", DimsJson(document.config)}});
  writer.Add("task", JsonObjectOf(document.task_json));
  writer.Add("parameters", JsonObjectOf(document.parameters_json));
  writer.Add("nodes", nodes);
  if (const std::optional<EdgeSet>& edges = document.circuit.edges) {
    writer.AddList("edges", '[', EdgeLines(*edges, document.scores, /*inside=*/true), ']');
    if (document.scores && EdgeCount(document.config) <= kMaxScoredEdges) {
      writer.AddList("other_edges", '[', EdgeLines(*edges, document.scores, /*inside=*/false), ']');
    }
  }
  const Json results = JsonObjectOf(document.results_json);
  for (const auto& [key, value] : results.items()) {
    if (!IsDocumentKey(key)) writer.Add(key, value);
  }
  writer.Add("provenance", {{"server_version", document.server_version},
                            {"device", document.device},
                            {"dtype", document.dtype},
                            {"created", document.created}});
  return std::move(writer).Finish();
}

}  // namespace circuitd
