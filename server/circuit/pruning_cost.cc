#include <algorithm>
#include <vector>

#include "server/circuit/engine/engine_plan.h"
#include "server/circuit/node_pruning.h"
#include "server/model/forward_flops.h"
#include "server/model/metric_values.h"
#include "server/model/micro_batch.h"
#include "server/model/prompt_length.h"

namespace circuitd {
namespace {

// A candidate's runs go through all layers.
void EstimatePlain(const Model& model, const PromptPairs& pairs, const NodePruningOptions& options, double runs,
                   PruningCost& cost) {
  const ModelConfig& config = model.config();
  std::vector<std::vector<int>> prompts;
  for (const PromptPair& pair : pairs) prompts.push_back(pair.clean);
  const MicroBatchLimits limits = MetricLimits(model.network(), options.memory_budget_bytes);
  for (const MicroBatch& batch : SplitIntoMicroBatches(config, prompts, limits)) {
    const int64_t size = batch.end - batch.begin;
    const size_t longest = LongestPrompt(Rows(prompts, batch));
    cost.micro_batch_prompts = std::max(cost.micro_batch_prompts, size);
    cost.memory_bytes = std::max(cost.memory_bytes, ActivationBytes(config, size, longest, limits));
    cost.flops_per_iteration += runs * ForwardFlops(config, size, longest);
  }
}

// They go through the candidate's layer and those above: over a sweep, half of all and a half layer. Where the layer's
// start is not kept, they begin with the first layer.
void EstimateFast(const Model& model, const PromptPairs& pairs, const NodePruningOptions& options, double runs,
                  PruningCost& cost) {
  const ModelConfig& config = model.config();
  const EngineLoad load = EngineLoadOf(model.network(), pairs, options.means);
  const EnginePlan plan = PlanEngine(config, load, options.memory_budget_bytes, /*shrink=*/0);
  cost.micro_batch_prompts = std::clamp<int64_t>(plan.chunk_tokens / load.longest, 1, pairs.size());
  cost.memory_bytes = PlannedBytes(config, load, plan);
  const double layers = plan.keeps.start ? (config.n_layers + 1) / (2.0 * config.n_layers) : 1;
  for (const PromptPair& pair : pairs) {
    cost.flops_per_iteration += runs * layers * ForwardFlops(config, 1, pair.clean.size());
  }
}

}  // namespace

PruningCost EstimatePruningCost(const Model& model, const PromptPairs& pairs, const NodePruningOptions& options) {
  const ModelConfig& config = model.config();
  PruningCost cost;
  // The first backward sweep tries every node, and the forward sweep at most every node again.
  cost.candidates_per_iteration = 2 * int64_t{config.n_layers} * (config.n_heads + 1);
  // At most one run on the corrupted prompts a candidate.
  const double runs =
      static_cast<double>(cost.candidates_per_iteration) * (options.means == MlpMeans::kSeqcont ? 2 : 1);

  (RunsFast(model, options) ? EstimateFast : EstimatePlain)(model, pairs, options, runs, cost);
  return cost;
}

}  // namespace circuitd
