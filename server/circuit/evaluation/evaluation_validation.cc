#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/circuit/edges/ablation_name.h"
#include "server/circuit/evaluation/evaluation.h"
#include "server/circuit/evaluation/evaluation_plan.h"
#include "server/circuit/evaluation/faithfulness_curve.h"
#include "server/graph/circuit_document.h"
#include "server/graph/edge_order.h"
#include "server/model/metric_name.h"

namespace circuitd {
namespace {

absl::Status ValidateRange(absl::string_view field, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return InvalidField(field, absl::StrCat(value, ", must be ", least, "-", most));
}

// Of the edges' model, and of the scores', as far as edges know of it.
absl::Status ValidateShape(absl::string_view field, const ModelConfig& config, std::optional<ModelConfig>& first) {
  if (!first) first = config;
  if (config.n_layers == first->n_layers && config.n_heads == first->n_heads) return absl::OkStatus();
  return InvalidField(field, absl::StrCat(config.n_layers, " layers of ", config.n_heads, " heads, others have ",
                                          first->n_layers, " of ", first->n_heads));
}

absl::Status ValidateCircuit(absl::string_view field, const Circuit& circuit) {
  for (const Node& node : circuit.nodes) {
    if (node.is_mlp() || (node.is_head() && node.input == Node::Input::kNone)) continue;
    return InvalidField(field, absl::StrCat(NodeName(node), " is one of its nodes, which are heads and MLPs"));
  }
  if (!circuit.edges) return absl::OkStatus();
  for (const Node& node : circuit.edges->Nodes()) {
    if (circuit.nodes.contains(node)) continue;
    return InvalidField(field, absl::StrCat("its edges join ", NodeName(node), ", which is not one of its nodes"));
  }
  return absl::OkStatus();
}

absl::Status ValidateCircuits(const EvaluationRequest& request) {
  RETURN_IF_ERROR(ValidateRange("circuits", request.circuits.size(), 1, kMaxJudgedCircuits));
  std::optional<ModelConfig> shape;
  for (size_t i = 0; i < request.circuits.size(); ++i) {
    const JudgedCircuit& judged = request.circuits[i];
    const std::string field = absl::StrCat("circuits[", i, "]");
    if (judged.circuit.edges) RETURN_IF_ERROR(ValidateShape(field, judged.circuit.edges->config(), shape));
    if (judged.scores) RETURN_IF_ERROR(ValidateShape(field, judged.scores->config(), shape));
    RETURN_IF_ERROR(ValidateCircuit(field, judged.circuit));
  }
  return absl::OkStatus();
}

absl::Status ValidateTasks(const EvaluationRequest& request) {
  RETURN_IF_ERROR(ValidateRange("tasks", request.tasks.size(), 1, kMaxJudgedTasks));
  for (size_t i = 0; i < request.tasks.size(); ++i) {
    if (request.tasks[i].pairs.empty()) return InvalidField(absl::StrCat("tasks[", i, "]"), "no prompts");
  }
  return absl::OkStatus();
}

absl::Status ValidateMeans(const EvaluationRequest& request) {
  const EvaluationOptions& options = request.options;
  if (options.means == MlpMeans::kClean || options.ablation != EdgeAblation::kMean) return absl::OkStatus();
  if (options.metric == Metric::kLogitDiff) return absl::OkStatus();
  for (const JudgedCircuit& judged : request.circuits) {
    if (judged.circuit.edges) continue;
    return InvalidField("means", absl::StrCat("seqcont, must be clean: of node circuits with the metric ",
                                              MetricName(options.metric), " there are no others"));
  }
  return absl::OkStatus();
}

absl::Status ValidateRun(const EvaluationRequest& request) {
  if (request.options.run == CircuitRun::kAblateOutside) return absl::OkStatus();
  if (request.options.ablation != EdgeAblation::kResample) {
    return InvalidField("run", absl::StrCat("patch_into_corrupted, the ablation must be resample for it, it is ",
                                            AblationName(request.options.ablation)));
  }
  for (size_t i = 0; i < request.circuits.size(); ++i) {
    if (request.circuits[i].circuit.edges) continue;
    // The corrupted run with the clean embedding is the clean run, whatever else is patched.
    return InvalidField(absl::StrCat("circuits[", i, "]"),
                        "a node circuit, which keeps embed; patch_into_corrupted takes circuits of edges");
  }
  return absl::OkStatus();
}

absl::Status ValidateCurve(const EvaluationRequest& request) {
  const EvaluationOptions& options = request.options;
  if (!options.curve) return absl::OkStatus();
  if (options.curve_selection.rule == EdgeSelection::Rule::kThreshold) {
    return InvalidField("curve_selection", "threshold, must be top_k or greedy: a curve has its own numbers of edges");
  }
  bool any = false;
  for (size_t i = 0; i < request.circuits.size(); ++i) {
    if (!HasCurve(request.circuits[i], options)) continue;
    any = true;
    const int64_t edges = EdgeCount(request.circuits[i].scores->config());
    if (edges <= kMaxScoredEdges) continue;
    return InvalidField(absl::StrCat("circuits[", i, "]"),
                        absl::StrCat("is of a model of ", edges, " edges, must be at most ", kMaxScoredEdges,
                                     " for a curve: circuits of larger ones don't keep all scores"));
  }
  if (any) return absl::OkStatus();
  return InvalidField("curve", "no circuit is one of edges with scores of all of the model's edges");
}

// Of a request that is fine otherwise.
absl::Status ValidateRunCount(const EvaluationRequest& request) {
  const int64_t on_task = RunsOnTask(request).total();
  const auto tasks = static_cast<int64_t>(request.tasks.size());
  if (tasks * on_task <= kMaxEvaluationRuns) return absl::OkStatus();
  const EvaluationOptions& options = request.options;
  return InvalidField(
      "tasks", absl::StrCat(tasks, " with ", on_task, " runs each, ", tasks * on_task, " in all, must be at most ",
                            kMaxEvaluationRuns, "; of ", request.circuits.size(), " circuits, with ",
                            options.random_circuits, " random circuits and ", options.knockout_subsets,
                            " subsets for each", options.drop_one ? ", and without each of its parts" : ""));
}

}  // namespace

absl::Status ValidateEvaluation(const EvaluationRequest& request) {
  const EvaluationOptions& options = request.options;
  RETURN_IF_ERROR(ValidateCircuits(request));
  RETURN_IF_ERROR(ValidateTasks(request));
  RETURN_IF_ERROR(ValidateMeans(request));
  RETURN_IF_ERROR(ValidateRun(request));
  RETURN_IF_ERROR(ValidateRange("random_circuits", options.random_circuits, 0, kMaxRandomRuns));
  RETURN_IF_ERROR(ValidateRange("knockout_subsets", options.knockout_subsets, 0, kMaxRandomRuns));
  RETURN_IF_ERROR(ValidateCurve(request));
  return ValidateRunCount(request);
}

}  // namespace circuitd
