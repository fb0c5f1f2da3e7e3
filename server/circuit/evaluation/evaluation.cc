#include "server/circuit/evaluation/evaluation.h"

#include <algorithm>
#include <optional>

#include "server/circuit/evaluation/evaluation_engines.h"
#include "server/circuit/evaluation/evaluation_plan.h"
#include "server/circuit/evaluation/evaluation_run.h"

namespace circuitd {

absl::StatusOr<EvaluationResult> Evaluate(const Model& model, const EvaluationRequest& request,
                                          const EvaluationCallbacks& callbacks, absl::Span<const EvaluationStep> made) {
  EvaluationEngines engines = EnginesOf(request);
  // All tasks and engines run as many prompts side by side, so that one number says in which order sums were taken.
  const int64_t side_by_side = EstimateEvaluation(model, request).micro_batch_prompts;
  engines.node_options.micro_batch_prompts = side_by_side;
  engines.edge_options.micro_batch_prompts = side_by_side;
  const auto meter_of = [&](int task) {
    return NewCircuitMeter(model, request.tasks[task].pairs, engines, callbacks.checkpoint);
  };
  return EvaluateWithMeters(model.config(), request, meter_of, callbacks.on_step, made);
}

EvaluationCost EstimateEvaluation(const Model& model, const EvaluationRequest& request) {
  const EvaluationEngines engines = EnginesOf(request);
  const EvaluationRunCount runs = RunsOnTask(request);
  EvaluationCost cost;
  cost.runs = static_cast<int64_t>(request.tasks.size()) * runs.total();
  std::optional<int64_t> fewest;
  for (const JudgedTask& task : request.tasks) {
    int64_t memory = 0;
    const auto add = [&](int64_t micro_batch_prompts, int64_t memory_bytes, double flops) {
      fewest = std::min(fewest.value_or(micro_batch_prompts), micro_batch_prompts);
      memory += memory_bytes;
      cost.flops += flops;
    };
    if (engines.nodes) {
      const PruningCost nodes = EstimatePruningCost(model, task.pairs, engines.node_options);
      const double flops = nodes.flops_per_iteration / static_cast<double>(nodes.candidates_per_iteration);
      add(nodes.micro_batch_prompts, nodes.memory_bytes, flops * static_cast<double>(runs.models + runs.node_circuits));
    }
    if (engines.edges) {
      const EdgeRunCost edges = EstimateEdgeRun(model, task.pairs, engines.edge_options);
      const int64_t count = runs.edge_circuits + (engines.nodes ? 0 : runs.models + runs.node_circuits);
      add(edges.micro_batch_prompts, edges.memory_bytes, edges.flops * static_cast<double>(count));
    }
    cost.memory_bytes = std::max(cost.memory_bytes, memory);
  }
  cost.micro_batch_prompts = fewest.value_or(1);
  return cost;
}

}  // namespace circuitd
