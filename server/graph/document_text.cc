#include "server/graph/document_text.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/utf8.h"
#include "server/graph/edge_order.h"
#include "server/graph/json_text.h"

namespace circuitd {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kReplacement[] = "\xEF\xBF\xBD";  // U+FFFD

// The first 8 digits tell one sha256 from another.
std::string ShortHash(const std::string& sha256) { return sha256.substr(0, 8); }

std::optional<double> Number(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_number()) return std::nullopt;
  return object[key].get<double>();
}

// As papers spell it.
std::string MethodTitle(const std::string& method) {
  if (method == "acdc") return "ACDC";
  if (method == "eap") return "EAP";
  if (method == "eap_ig_inputs") return "EAP-IG (inputs)";
  if (method == "eap_ig_activations") return "EAP-IG (activations)";
  return absl::StrReplaceAll(method, {{"_", " "}});
}

// How many bytes the control character takes with which `text`, not empty, begins: a C0 or C1 control, DEL, or one that
// turns the direction of what is around it (U+202A to U+202E, U+2066 to U+2069). 0: it begins with none.
size_t ControlBytes(absl::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0; };
  if (byte(0) < 0x20 || byte(0) == 0x7F) return 1;
  if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) < 0xA0) return 2;
  if (byte(0) != 0xE2) return 0;
  const bool turns = (byte(1) == 0x80 && byte(2) >= 0xAA && byte(2) <= 0xAE) ||
                     (byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9);
  return turns ? 3 : 0;
}

std::string String(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_string()) return "";
  return object[key].get<std::string>();
}

bool IsTrue(const Json& object, const char* key) {
  return object.is_object() && object.contains(key) && object[key].is_boolean() && object[key].get<bool>();
}

}  // namespace

std::string TaskTitle(const CircuitDocument& document) {
  const Json source = JsonObjectOf(document.task_json);
  if (!source.is_object()) return "prompts";
  if (const auto task = source.find("task"); task != source.end()) {
    if (task->is_string()) return task->get<std::string>();
    if (const std::string name = String(*task, "task"); !name.empty()) return name;
  }
  if (const std::string sha256 = String(source, "pairs_dataset_sha256"); !sha256.empty()) {
    return absl::StrCat("uploaded prompts ", ShortHash(sha256));
  }
  return source.contains("published") ? "published prompts" : "prompts";
}

std::string CircuitTitle(const CircuitDocument& document) {
  const std::string task = document.task_json.empty() ? "Circuit" : "Circuit for " + TaskTitle(document);
  return document.model_name.empty() ? task : absl::StrCat(task, " in ", document.model_name);
}

std::string ScoreLine(const CircuitDocument& document) {
  const ModelConfig& config = document.config;
  const NodeSet& nodes = document.circuit.nodes;
  std::string line = absl::StrFormat("%d of %d heads and %d of %d MLPs", CountHeads(nodes),
                                     config.n_layers * config.n_heads, CountMlps(nodes), config.n_layers);
  if (document.circuit.edges) {
    absl::StrAppendFormat(&line, ", %d of %d edges", document.circuit.edges->size(), EdgeCount(config));
  }
  const Json results = JsonObjectOf(document.results_json);
  if (const auto faithfulness = Number(results, "faithfulness")) {
    return absl::StrFormat("%s; faithfulness %.3f by %s", line, *faithfulness, String(results, "metric"));
  }
  const std::optional<double> score = Number(results, "score");
  return score ? absl::StrFormat("%.1f %% of the model's logit difference with %s", *score, line) : line;
}

std::string ParameterLine(const CircuitDocument& document) {
  const Json parameters = JsonObjectOf(document.parameters_json), results = JsonObjectOf(document.results_json);
  std::vector<std::string> parts;
  const std::string method = String(parameters, "method");
  if (!method.empty() && method != "node_pruning") parts.push_back(MethodTitle(method));
  if (const auto threshold = Number(parameters, "threshold")) parts.push_back(absl::StrCat("threshold ", *threshold));
  if (const std::string means = String(parameters, "means"); !means.empty()) parts.push_back(means + " means");
  if (const auto steps = Number(parameters, "steps")) parts.push_back(absl::StrCat(*steps, " steps"));
  if (const auto prompts = Number(parameters, "prompt_count")) parts.push_back(absl::StrCat(*prompts, " prompts"));
  // Of a method that takes none there are 0.
  if (const auto decisions = Number(results, "decision_count"); decisions && *decisions > 0) {
    const bool stopped = results.contains("converged") && !IsTrue(results, "converged");
    const char* end = stopped ? "stopped after " : results.contains("converged") ? "converged after " : "";
    parts.push_back(absl::StrCat(end, static_cast<int64_t>(*decisions), " decisions"));
  }
  return absl::StrJoin(parts, " \u00b7 ");
}

std::string CleanText(absl::string_view text) {
  std::string valid;
  for (std::optional<size_t> bad; (bad = FirstInvalidUtf8(text)); text.remove_prefix(*bad + 1)) {
    absl::StrAppend(&valid, text.substr(0, *bad), kReplacement);
  }
  absl::StrAppend(&valid, text);
  std::string clean;
  for (absl::string_view rest = valid; !rest.empty();) {
    const size_t control = ControlBytes(rest);
    control > 0 ? clean.append(kReplacement) : clean.append(1, rest.front());
    rest.remove_prefix(std::max<size_t>(control, 1));
  }
  return clean;
}

bool HasControls(absl::string_view text) {
  for (; !text.empty(); text.remove_prefix(1)) {
    if (ControlBytes(text) > 0) return true;
  }
  return false;
}

}  // namespace circuitd
