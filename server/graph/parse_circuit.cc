// From a circuit file's text to a circuit.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/graph/circuit_dims.h"
#include "server/graph/circuit_document.h"
#include "server/graph/circuit_entries.h"
#include "server/graph/circuit_file.h"
#include "server/graph/document_keys.h"
#include "server/graph/edge_order.h"
#include "server/graph/edge_taker.h"
#include "server/graph/node_names.h"
#include "server/graph/node_validation.h"

namespace circuitd {
namespace {

absl::Status TooLarge(absl::string_view text) {
  if (text.size() <= kMaxCircuitFileBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(text.size(), " bytes, a circuit file has ", kMaxCircuitFileBytes, " at most"));
}

absl::StatusOr<CircuitFormat> FormatOfKeys(const FileJson& file) {
  if (const auto schema = file.find("schema"); schema != file.end()) {
    if (*schema == kCircuitSchema) return CircuitFormat::kCircuitJson;
    return InvalidField("schema", absl::StrCat(ShowFileJson(*schema), ", must be \"", kCircuitSchema, "\""));
  }
  const auto is_object = [&](const char* key) { return file.contains(key) && file[key].is_object(); };
  if (is_object("cfg") || is_object("edges")) return CircuitFormat::kEapJson;
  if (file.contains("heads") || file.contains("mlps")) return CircuitFormat::kSeqcontJson;
  return absl::InvalidArgumentError(
      "is no circuit: has neither \"schema\" nor EAP-IG's \"cfg\" and \"edges\" nor \"heads\" and \"mlps\"");
}

// The list `key` has to be there as an array or object, all its entries as they should be.
absl::Status RequireList(const FileJson& file, const CircuitEntries& entries, const char* key, bool object) {
  if (!file.contains(key)) return InvalidField(key, "is missing");
  if (object ? file[key].is_object() : file[key].is_array()) return entries.StatusOf(key);
  return InvalidField(key, absl::StrCat(ShowFileJson(file[key]), ", must be an ", object ? "object" : "array"));
}

// file[key]'s text; empty if it is not there.
absl::Status ReadText(const FileJson& object, const std::string& place, const char* key, std::string* text) {
  const auto value = object.find(key);
  if (value == object.end() || value->is_null()) return absl::OkStatus();
  if (!value->is_string()) {
    return InvalidField(absl::StrCat(place, ".", key), absl::StrCat(ShowFileJson(*value), ", must be a string"));
  }
  *text = value->get<std::string>();
  return absl::OkStatus();
}

// file[key], which is an object if it is there.
absl::StatusOr<FileJson> ReadObject(const FileJson& file, const char* key) {
  if (!file.contains(key) || file[key].is_null()) return FileJson::object();
  if (file[key].is_object()) return file[key];
  return InvalidField(key, absl::StrCat(ShowFileJson(file[key]), ", must be an object"));
}

std::string ObjectText(const FileJson& object) { return object.empty() ? "" : object.dump(); }

std::string Indexed(const char* list, size_t index) { return absl::StrCat(list, "[", index, "]"); }

// The ends of an edge that a node circuit can have.
absl::Status RequireEnds(const NodeSet& nodes, const Edge& edge) {
  const Node receiver = NodeOfReceiver(edge.receiver);
  for (const auto& [field, node] : {std::pair("sender", edge.sender), std::pair("receiver", receiver)}) {
    if ((node.is_head() || node.is_mlp()) && !nodes.contains(node)) {
      return InvalidField(field, absl::StrCat(NodeName(node), ", is not among the nodes"));
    }
  }
  return absl::OkStatus();
}

absl::Status TakeNodes(const ModelConfig& config, const CircuitEntries& entries, NodeSet* nodes) {
  for (size_t i = 0; i < entries.nodes().size(); ++i) {
    const Node& node = entries.nodes()[i].node;
    if (const absl::Status status = ValidateSender(config, node); !status.ok()) {
      return WithFieldPrefix(Indexed("nodes", i), status);
    }
    if (!nodes->insert(node).second) {
      return InvalidField(Indexed("nodes", i), absl::StrCat(NodeName(node), ", is there twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadCircuitEdges(const FileJson& file, const CircuitEntries& entries, CircuitDocument* document) {
  if (!file.contains("edges")) {
    if (!file.contains("other_edges")) return absl::OkStatus();
    return InvalidField("edges", "is missing, \"other_edges\" is there");
  }
  RETURN_IF_ERROR(RequireList(file, entries, "edges", /*object=*/false));
  document->circuit.edges.emplace(document->config);
  EdgeTaker taker(document->config, &document->circuit);
  for (size_t i = 0; i < entries.edges().size(); ++i) {
    const CircuitEntries::EdgeEntry& entry = entries.edges()[i];
    absl::Status status = taker.Take(entry);
    if (status.ok()) status = RequireEnds(document->circuit.nodes, entry.edge);
    if (!status.ok()) return WithFieldPrefix(Indexed("edges", i), status);
  }
  if (!file.contains("other_edges")) return absl::OkStatus();
  RETURN_IF_ERROR(RequireList(file, entries, "other_edges", /*object=*/false));
  for (size_t i = 0; i < entries.other_edges().size(); ++i) {
    if (const absl::Status status = taker.Take(entries.other_edges()[i]); !status.ok()) {
      return WithFieldPrefix(Indexed("other_edges", i), status);
    }
  }
  // The file leaves out those outside whose score is 0.
  document->scores = taker.scores();
  return absl::OkStatus();
}

absl::StatusOr<CircuitDocument> FromCircuitJson(const FileJson& file, const CircuitEntries& entries,
                                                const ModelConfig* model) {
  CircuitDocument document;
  ASSIGN_OR_RETURN(const FileJson of_model, ReadObject(file, "model"));
  RETURN_IF_ERROR(ReadText(of_model, "model", "name", &document.model_name));
  RETURN_IF_ERROR(ReadText(of_model, "model", "sha256", &document.model_sha256));
  if (!of_model.contains("dims") || !of_model["dims"].is_object()) {
    return InvalidField("model.dims", "is missing, or no object");
  }
  ASSIGN_OR_RETURN(document.config, ReadDims(of_model["dims"], "model.dims", model));
  RETURN_IF_ERROR(RequireList(file, entries, "nodes", /*object=*/false));
  RETURN_IF_ERROR(TakeNodes(document.config, entries, &document.circuit.nodes));
  RETURN_IF_ERROR(ReadCircuitEdges(file, entries, &document));
  ASSIGN_OR_RETURN(const FileJson task, ReadObject(file, "task"));
  document.task_json = ObjectText(task);
  ASSIGN_OR_RETURN(const FileJson parameters, ReadObject(file, "parameters"));
  document.parameters_json = ObjectText(parameters);
  ASSIGN_OR_RETURN(const FileJson provenance, ReadObject(file, "provenance"));
  RETURN_IF_ERROR(ReadText(provenance, "provenance", "server_version", &document.server_version));
  RETURN_IF_ERROR(ReadText(provenance, "provenance", "device", &document.device));
  RETURN_IF_ERROR(ReadText(provenance, "provenance", "dtype", &document.dtype));
  RETURN_IF_ERROR(ReadText(provenance, "provenance", "created", &document.created));
  FileJson results = FileJson::object();
  for (const auto& [key, value] : file.items()) {
    if (!IsDocumentKey(key)) results[key] = value;
  }
  document.results_json = ObjectText(results);
  return document;
}

absl::StatusOr<CircuitDocument> FromEapJson(const FileJson& file, const CircuitEntries& entries,
                                            const ModelConfig* model) {
  ASSIGN_OR_RETURN(const FileJson cfg, ReadObject(file, "cfg"));
  if (const auto parallel = cfg.find("parallel_attn_mlp"); parallel != cfg.end() && *parallel != false) {
    return InvalidField("cfg.parallel_attn_mlp", absl::StrCat(ShowFileJson(*parallel), ", must be false"));
  }
  CircuitDocument document;
  ASSIGN_OR_RETURN(document.config, ReadDims(cfg, "cfg", model));
  RETURN_IF_ERROR(RequireList(file, entries, "nodes", /*object=*/true));
  RETURN_IF_ERROR(RequireList(file, entries, "edges", /*object=*/true));
  RETURN_IF_ERROR(entries.StatusOf("neurons"));
  Circuit& circuit = document.circuit;
  circuit.edges.emplace(document.config);
  EdgeTaker taker(document.config, &circuit);
  for (const CircuitEntries::EdgeEntry& entry : entries.edges()) {
    if (const absl::Status status = taker.Take(entry); !status.ok()) {
      return WithFieldPrefix(absl::StrCat("edges[\"", EapEdgeName(entry.edge), "\"]"), status);
    }
  }
  if (taker.TookAll() && !taker.ScoresRepeatMembership()) document.scores = taker.scores();
  // Files keep flags of nodes loosely: what an edge of the circuit joins is in it.
  circuit.nodes = circuit.edges->Nodes();
  NodeSet named;
  for (const auto& [node, in_circuit] : entries.nodes()) {
    const std::string place = absl::StrCat("nodes[\"", EapNodeName(node), "\"]");
    if (!named.insert(node).second) return InvalidField(place, "is there twice");
    if (!node.is_head() && !node.is_mlp()) continue;
    if (const absl::Status status = ValidateSender(document.config, node); !status.ok()) {
      return WithFieldPrefix(place, status);
    }
    if (in_circuit) circuit.nodes.insert(node);
  }
  for (const auto& [node, place] : entries.parts()) {
    if (!circuit.nodes.contains(node) && (node.is_head() || node.is_mlp())) continue;
    return InvalidField(place, "false, must be true: circuits have whole nodes here");
  }
  return document;
}

absl::StatusOr<CircuitDocument> FromSeqcontJson(const FileJson& file, const CircuitEntries& entries,
                                                const ModelConfig* model) {
  RETURN_IF_ERROR(RequireList(file, entries, "heads", /*object=*/false));
  RETURN_IF_ERROR(RequireList(file, entries, "mlps", /*object=*/false));
  if (!model) return absl::InvalidArgumentError("{\"heads\", \"mlps\"} names no dimensions: the model must be given");
  CircuitDocument document;
  document.config = *model;
  size_t heads = 0, mlps = 0;
  for (const Node& node : entries.heads_and_mlps()) {
    const std::string place = node.is_head() ? Indexed("heads", heads++) : Indexed("mlps", mlps++);
    if (const absl::Status status = ValidateSender(*model, node); !status.ok()) return WithFieldPrefix(place, status);
    if (document.circuit.nodes.insert(node).second) continue;
    return InvalidField(place, absl::StrCat(NodeName(node), ", is there twice"));
  }
  return document;
}

}  // namespace

absl::StatusOr<CircuitDocument> ParseCircuit(absl::string_view text, const ModelConfig* model) {
  RETURN_IF_ERROR(TooLarge(text));
  CircuitEntries entries;
  ASSIGN_OR_RETURN(const FileJson file, ReadCircuitFile(text, [&](const FileEntry& entry) { entries.Add(entry); }));
  // First: in a file of another version entries may be anything.
  ASSIGN_OR_RETURN(const CircuitFormat format, FormatOfKeys(file));
  switch (format) {
    case CircuitFormat::kCircuitJson:
      return FromCircuitJson(file, entries, model);
    case CircuitFormat::kEapJson:
      return FromEapJson(file, entries, model);
    case CircuitFormat::kSeqcontJson:
      break;
  }
  return FromSeqcontJson(file, entries, model);
}

absl::StatusOr<CircuitFormat> CircuitFormatOf(absl::string_view text) {
  RETURN_IF_ERROR(TooLarge(text));
  ASSIGN_OR_RETURN(const FileJson file, ReadCircuitFile(text, [](const FileEntry&) {}));
  return FormatOfKeys(file);
}

}  // namespace circuitd
