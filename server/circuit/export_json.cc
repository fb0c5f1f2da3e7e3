// circuit.json, decisions.jsonl and seqcont.json.
#include <optional>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "server/circuit/export.h"
#include "server/circuit/export_text.h"

namespace circuitd {
namespace {

using Json = nlohmann::ordered_json;

// Malformed UTF-8 is replaced, never thrown at; a number that is not finite is written as null.
std::string Dump(const Json& json, int indent) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

// Adds the node's keys to `json`.
void AddNode(const Node& node, Json& json) {
  json["name"] = NodeName(node);
  json["kind"] = node.is_head() ? "attention_head" : "mlp";
  json["layer"] = node.layer;
  if (node.is_head()) json["head"] = node.head;
}

Json DimsJson(const ModelConfig& config) {
  return {{"n_layers", config.n_layers}, {"n_heads", config.n_heads}, {"d_model", config.d_model},
          {"d_head", config.d_head},     {"d_mlp", config.d_mlp},     {"n_ctx", config.n_ctx},
          {"d_vocab", config.d_vocab}};
}

Json ParametersJson(const PruningReport& report) {
  const NodePruningOptions& options = report.options;
  return {{"method", "node_pruning"},
          {"means", MlpMeansName(options.means)},
          {"threshold", options.threshold},
          {"max_iterations", options.max_iterations ? Json(*options.max_iterations) : Json(nullptr)},
          {"prompt_count", report.prompt_count},
          {"memory_budget_bytes", options.memory_budget_bytes}};
}

}  // namespace

std::string CircuitJson(const PruningReport& report) {
  Json task = Json::parse(report.task_json, nullptr, /*allow_exceptions=*/false);
  if (task.is_discarded()) task = nullptr;
  Json nodes = Json::array();
  for (const Node& node : report.result.circuit) AddNode(node, nodes.emplace_back(Json::object()));
  const Json circuit = {
      {"schema", "circuitd.circuit/1"},
      {"model", {{"name", report.model_name}, {"sha256", report.model_sha256}, {"dims", DimsJson(report.config)}}},
      {"task", std::move(task)},
      {"parameters", ParametersJson(report)},
      {"nodes", std::move(nodes)},
      {"score", report.result.score},
      {"full_logit_diff", report.result.full_logit_diff},
      {"decision_count", report.result.decision_count},
      {"converged", report.result.converged},
      {"provenance",
       {{"server_version", report.server_version},
        {"device", report.device},
        {"dtype", report.dtype},
        {"created", report.created}}}};
  return Dump(circuit, 2);
}

std::string DecisionsJsonl(const std::vector<PruningDecision>& decisions) {
  std::string lines;
  for (const PruningDecision& decision : decisions) {
    Json line = {{"index", decision.index}};
    AddNode(decision.node, line);
    line["score"] = decision.score;
    line["removed"] = decision.removed;
    line["iteration"] = decision.iteration;
    line["direction"] = decision.direction == SweepDirection::kBackward ? "backward" : "forward";
    line["heads_kept"] = decision.heads_kept;
    line["mlps_kept"] = decision.mlps_kept;
    lines += Dump(line, -1);
  }
  return lines;
}

}  // namespace circuitd
