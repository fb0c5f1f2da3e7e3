#include "server/circuit/evaluation/evaluation_json.h"

#include "nlohmann/json.hpp"
#include "server/circuit/edges/ablation_name.h"
#include "server/graph/document_text.h"
#include "server/model/metric_name.h"

namespace circuitd {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json ModelJson(const EvaluationDocument& document) {
  const ModelConfig& config = document.config;
  return {{"name", document.model_name},
          {"sha256", document.model_sha256},
          {"dims",
           {{"n_layers", config.n_layers},
            {"n_heads", config.n_heads},
            {"d_model", config.d_model},
            {"d_head", config.d_head},
            {"d_mlp", config.d_mlp},
            {"n_ctx", config.n_ctx},
            {"d_vocab", config.d_vocab}}}};
}

Json ParametersJson(const EvaluationOptions& options) {
  Json selection = nullptr;
  if (options.curve) {
    selection = {{"rule", options.curve_selection.rule == EdgeSelection::Rule::kGreedy ? "greedy" : "top_k"},
                 {"signed_scores", !options.curve_selection.absolute}};
  }
  return {
      {"ablation", AblationName(options.ablation)},
      {"means", options.ablation == EdgeAblation::kMean ? Json(options.means == MlpMeans::kClean ? "clean" : "seqcont")
                                                        : Json(nullptr)},
      {"metric", MetricName(options.metric)},
      {"run", options.run == CircuitRun::kAblateOutside ? "ablate_outside" : "patch_into_corrupted"},
      {"random_circuits", options.random_circuits},
      {"seed", options.seed},
      {"drop_one", options.drop_one},
      {"knockout_subsets", options.knockout_subsets},
      {"curve", options.curve},
      {"curve_selection", std::move(selection)},
      {"memory_budget_bytes", options.memory_budget_bytes}};
}

Json CircuitsJson(const EvaluationDocument& document) {
  Json circuits = Json::array();
  for (const EvaluationDocument::CircuitSummary& circuit : document.circuits) {
    circuits.push_back(
        {{"label", circuit.label}, {"node_count", circuit.node_count}, {"edge_count", OrNull(circuit.edge_count)}});
  }
  return circuits;
}

Json TasksJson(const EvaluationDocument& document) {
  Json tasks = Json::array();
  for (const EvaluationDocument::TaskSummary& task : document.tasks) {
    Json prompts = Json::parse(task.prompts_json, nullptr, /*allow_exceptions=*/false);
    if (prompts.is_discarded()) prompts = nullptr;
    tasks.push_back({{"label", task.label}, {"prompt_count", task.prompt_count}, {"prompts", std::move(prompts)}});
  }
  return tasks;
}

Json RandomJson(const CircuitOnTask& cell) {
  if (!cell.random) return nullptr;
  return {{"mean", cell.random->mean},
          {"standard_deviation", cell.random->standard_deviation},
          {"low", cell.random->low},
          {"high", cell.random->high},
          {"as_good", cell.random_as_good}};
}

Json NodeOrEdgeJson(const std::variant<Node, Edge>& part) {
  if (const Edge* edge = std::get_if<Edge>(&part)) return {{"edge", EdgeName(*edge)}};
  return {{"node", NodeName(std::get<Node>(part))}};
}

Json DropsJson(const CircuitOnTask& cell) {
  Json drops = Json::array();
  for (const Drop& drop : cell.drops) {
    Json json = NodeOrEdgeJson(drop.part);
    json["drop"] = drop.drop;
    json["drop_percent"] = 100 * drop.drop / std::abs(cell.model_metric);
    drops.push_back(std::move(json));
  }
  return drops;
}

// Null where there were none.
Json CompletenessJson(const CircuitOnTask& cell) {
  if (cell.knockouts.empty()) return nullptr;
  Json subsets = Json::array();
  for (const Knockout& knockout : cell.knockouts) {
    subsets.push_back({{"size", knockout.size},
                       {"circuit_metric", knockout.circuit_metric},
                       {"model_metric", knockout.model_metric}});
  }
  return {{"incompleteness", cell.incompleteness}, {"subsets", std::move(subsets)}};
}

Json CurveJson(const CircuitOnTask& cell) {
  if (cell.curve.empty()) return nullptr;
  Json points = Json::array();
  for (const CurvePoint& point : cell.curve) {
    points.push_back({{"fraction", point.fraction},
                      {"edge_count", point.edge_count},
                      {"metric", point.metric},
                      {"faithfulness", point.faithfulness}});
  }
  return {{"cpr", cell.cpr}, {"cmd", cell.cmd}, {"points", std::move(points)}};
}

Json CellJson(const CircuitOnTask& cell) {
  return {{"circuit", cell.circuit},
          {"task", cell.task},
          {"circuit_metric", cell.circuit_metric},
          {"model_metric", cell.model_metric},
          {"empty_metric", cell.empty_metric},
          {"score", OrNull(cell.score)},
          {"faithfulness", OrNull(cell.faithfulness)},
          {"random", RandomJson(cell)},
          {"drops", DropsJson(cell)},
          {"completeness", CompletenessJson(cell)},
          {"curve", CurveJson(cell)}};
}

}  // namespace

void DescribeRequest(const EvaluationRequest& request, EvaluationDocument& document) {
  document.options = request.options;
  for (const JudgedCircuit& judged : request.circuits) {
    EvaluationDocument::CircuitSummary& summary = document.circuits.emplace_back();
    summary.label = judged.label;
    summary.node_count = static_cast<int64_t>(judged.circuit.nodes.size());
    if (judged.circuit.edges) summary.edge_count = judged.circuit.edges->size();
  }
  for (const JudgedTask& task : request.tasks) {
    document.tasks.push_back({task.label, static_cast<int64_t>(task.pairs.size()), ""});
  }
}

std::string EvaluationJson(const EvaluationDocument& document) {
  Json cells = Json::array();
  for (const CircuitOnTask& cell : document.result.cells) cells.push_back(CellJson(cell));
  const Json evaluation = {{"schema", "circuitd.evaluation/1"},
                           {"model", ModelJson(document)},
                           {"parameters", ParametersJson(document.options)},
                           {"circuits", CircuitsJson(document)},
                           {"tasks", TasksJson(document)},
                           {"cells", std::move(cells)},
                           {"run_count", document.result.run_count},
                           {"provenance",
                            {{"server_version", document.server_version},
                             {"device", document.device},
                             {"dtype", document.dtype},
                             {"created", document.created}}}};
  // Malformed UTF-8 is replaced, never thrown at; a number that is not finite is written as null.
  return evaluation.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

}  // namespace circuitd
