#include "server/graph/circuit_entries.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/graph/node_names.h"
#include "server/model/quote.h"

namespace circuitd {
namespace {

absl::Status Wrong(const std::string& place, const FileJson& value, absl::string_view wanted) {
  return InvalidField(place, absl::StrCat(ShowFileJson(value), ", must be ", wanted));
}

absl::Status Missing(const std::string& place, absl::string_view key) {
  return InvalidField(absl::StrCat(place, ".", key), "is missing");
}

// A layer or head; which ones the model has is not known here.
std::optional<int> Index(const FileJson& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  const uint64_t index = value.get<uint64_t>();
  if (index > static_cast<uint64_t>(std::numeric_limits<int>::max())) return std::nullopt;
  return static_cast<int>(index);
}

absl::StatusOr<Node> NamedNode(const FileEntry& entry, const char* key, bool sender) {
  const auto name = entry.value.find(key);
  if (name == entry.value.end()) return Missing(entry.Place(), key);
  std::optional<Node> node;
  if (name->is_string()) node = ParseNodeName(name->get_ref<const std::string&>());
  if (node) return *node;
  return Wrong(absl::StrCat(entry.Place(), ".", key), *name,
               sender ? "a node as \"A5.1\", \"M9\" or \"embed\"" : "a node as \"A7.11.q\", \"M9\" or \"logits\"");
}

absl::StatusOr<std::optional<double>> Score(const FileEntry& entry, bool nullable) {
  const auto score = entry.value.find("score");
  if (score == entry.value.end() || (nullable && score->is_null())) return std::nullopt;
  if (!score->is_number()) return Wrong(entry.Place() + ".score", *score, "a number");
  return score->get<double>();
}

absl::StatusOr<bool> InGraph(const FileEntry& entry) {
  if (entry.value.is_boolean()) return entry.value.get<bool>();
  if (!entry.value.is_object()) return Wrong(entry.Place(), entry.value, "a boolean or an object");
  const auto in_graph = entry.value.find("in_graph");
  if (in_graph == entry.value.end()) return Missing(entry.Place(), "in_graph");
  if (!in_graph->is_boolean()) return Wrong(entry.Place() + ".in_graph", *in_graph, "a boolean");
  return in_graph->get<bool>();
}

absl::StatusOr<Node> EapNode(const FileEntry& entry) {
  const std::optional<Node> node = ParseEapNodeName(entry.name);
  if (node && node->input == Node::Input::kNone) return *node;
  return InvalidField(entry.Place(), "is no node, which are as \"a5.h1\", \"m9\", \"input\" and \"logits\"");
}

}  // namespace

void CircuitEntries::Add(const FileEntry& entry) {
  // A list has one error, however many of its entries are wrong.
  if (errors_.find(entry.list) != errors_.end()) return;
  if (absl::Status status = Take(entry); !status.ok()) errors_.emplace(entry.list, std::move(status));
}

absl::Status CircuitEntries::StatusOf(const std::string& list) const {
  const auto error = errors_.find(list);
  return error == errors_.end() ? absl::OkStatus() : error->second;
}

absl::Status CircuitEntries::Take(const FileEntry& entry) {
  if (entry.list == "nodes") return entry.named ? TakeEapNode(entry) : TakeNode(entry);
  if (entry.list == "edges") return entry.named ? TakeEapEdge(entry) : TakeEdge(entry, &edges_);
  if (entry.list == "neurons") {
    ASSIGN_OR_RETURN(const Node node, EapNode(entry));
    return TakeNeurons(node, entry.Place(), entry.value);
  }
  if (entry.named) return InvalidField(std::string(entry.list), "an object, must be an array");
  if (entry.list == "other_edges") return TakeEdge(entry, &other_edges_);
  return entry.list == "heads" ? TakeSeqcontHead(entry) : TakeSeqcontMlp(entry);
}

absl::Status CircuitEntries::TakeNode(const FileEntry& entry) {
  const FileJson& value = entry.value;
  if (!value.is_object()) return Wrong(entry.Place(), value, "an object");
  const auto name = value.find("name");
  if (name == value.end()) return Missing(entry.Place(), "name");
  std::optional<Node> node;
  if (name->is_string()) node = ParseNodeName(name->get_ref<const std::string&>());
  if (!node || !(node->is_head() || node->is_mlp()) || node->input != Node::Input::kNone) {
    return Wrong(entry.Place() + ".name", *name, "a head or MLP as \"A5.1\" or \"M9\"");
  }
  // The other keys say the same once more.
  const FileJson wanted[] = {node->is_head() ? "attention_head" : "mlp", node->layer,
                             node->is_head() ? FileJson(node->head) : FileJson()};
  constexpr const char* kKeys[] = {"kind", "layer", "head"};
  for (int i = 0; i < 3; ++i) {
    const auto said = value.find(kKeys[i]);
    if (said != value.end() && *said != wanted[i]) {
      return Wrong(absl::StrCat(entry.Place(), ".", kKeys[i]), *said,
                   absl::StrCat(wanted[i].is_null() ? "missing" : wanted[i].dump(), " as the name has it"));
    }
  }
  nodes_.push_back({*node});
  return absl::OkStatus();
}

absl::Status CircuitEntries::TakeEdge(const FileEntry& entry, std::vector<EdgeEntry>* edges) {
  if (!entry.value.is_object()) return Wrong(entry.Place(), entry.value, "an object");
  EdgeEntry edge;
  ASSIGN_OR_RETURN(edge.edge.sender, NamedNode(entry, "sender", /*sender=*/true));
  ASSIGN_OR_RETURN(edge.edge.receiver, NamedNode(entry, "receiver", /*sender=*/false));
  ASSIGN_OR_RETURN(edge.score, Score(entry, /*nullable=*/false));
  edge.in_circuit = edges == &edges_;
  edges->push_back(edge);
  return absl::OkStatus();
}

absl::Status CircuitEntries::TakeEapNode(const FileEntry& entry) {
  ASSIGN_OR_RETURN(const Node node, EapNode(entry));
  ASSIGN_OR_RETURN(const bool in_graph, InGraph(entry));
  nodes_.push_back({node, in_graph});
  if (!entry.value.is_object()) return absl::OkStatus();
  const auto neurons = entry.value.find("neurons");
  return neurons == entry.value.end() ? absl::OkStatus() : TakeNeurons(node, entry.Place() + ".neurons", *neurons);
}

absl::Status CircuitEntries::TakeEapEdge(const FileEntry& entry) {
  EdgeEntry edge;
  const std::optional<Edge> named = ParseEapEdgeName(entry.name);
  if (!named) {
    return InvalidField(entry.Place(), "is no edge, which are as \"a5.h1->a7.h11<q>\" and \"input->m0\"");
  }
  edge.edge = *named;
  ASSIGN_OR_RETURN(edge.in_circuit, InGraph(entry));
  if (entry.value.is_object()) {
    ASSIGN_OR_RETURN(edge.score, Score(entry, /*nullable=*/true));
  }
  edges_.push_back(edge);
  return absl::OkStatus();
}

absl::Status CircuitEntries::TakeNeurons(const Node& node, const std::string& place, const FileJson& neurons) {
  if (neurons.is_null()) return absl::OkStatus();
  if (!neurons.is_array()) return Wrong(place, neurons, "an array of booleans");
  for (size_t i = 0; i < neurons.size(); ++i) {
    const std::string neuron = absl::StrCat(place, "[", i, "]");
    if (!neurons[i].is_boolean()) return Wrong(neuron, neurons[i], "a boolean");
    if (neurons[i].get<bool>()) continue;
    parts_.emplace_back(node, neuron);
    break;
  }
  return absl::OkStatus();
}

absl::Status CircuitEntries::TakeSeqcontHead(const FileEntry& entry) {
  const FileJson& head = entry.value;
  if (head.is_array() && head.size() == 2 && Index(head[0]) && Index(head[1])) {
    heads_and_mlps_.push_back(Node::Head(*Index(head[0]), *Index(head[1])));
    return absl::OkStatus();
  }
  return InvalidField(
      entry.Place(),
      absl::StrCat(head.is_array() && head.size() <= 4 ? head.dump() : ShowFileJson(head), ", must be [layer, head]"));
}

absl::Status CircuitEntries::TakeSeqcontMlp(const FileEntry& entry) {
  const std::optional<int> layer = Index(entry.value);
  if (!layer) return Wrong(entry.Place(), entry.value, "a layer");
  heads_and_mlps_.push_back(Node::Mlp(*layer));
  return absl::OkStatus();
}

std::string ShowFileJson(const FileJson& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  if (value.is_string()) return QuoteName(value.get_ref<const std::string&>());
  return value.dump();
}

}  // namespace circuitd
