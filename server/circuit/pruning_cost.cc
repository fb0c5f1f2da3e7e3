#include <algorithm>
#include <vector>

#include "server/circuit/engine/engine_plan.h"
#include "server/circuit/node_pruning.h"
#include "server/circuit/plain_node_scorer.h"
#include "server/model/forward_flops.h"
#include "server/model/metric_values.h"
#include "server/model/micro_batch.h"
#include "server/model/prompt_length.h"
#include "server/patching/activation_means.h"

namespace circuitd {
namespace {

// A candidate's runs go through all layers.
void EstimatePlain(const Model& model, const PromptPairs& pairs, const NodePruningOptions& options, double runs,
                   PruningCost& cost) {
  const ModelConfig& config = model.config();
  const int64_t size = PlainNodeScorer::MicroBatchPrompts(model.network(), pairs, options);
  const int64_t budget = options.memory_budget_bytes, all_longest = LongestPrompt(pairs, &PromptPair::clean);
  cost.micro_batch_prompts = size;
  const MicroBatchLimits scores = MetricLimits(model.network(), budget);
  const MicroBatchLimits means = CaptureMeansLimits(model.network(), all_longest, budget);
  cost.memory_bytes = std::max(ActivationBytes(config, size, all_longest, scores),
                               budget - means.budget_bytes + ActivationBytes(config, size, all_longest, means));
  for (const MicroBatch& batch : MicroBatchesOf(pairs.size(), size)) {
    const int64_t longest =
        LongestPrompt(absl::MakeConstSpan(pairs).subspan(batch.begin, batch.end - batch.begin), &PromptPair::clean);
    cost.flops_per_iteration += runs * ForwardFlops(config, static_cast<int64_t>(batch.end - batch.begin), longest);
  }
}

// They go through the candidate's layer and those above: over a sweep, half of all and a half layer. Where the layer's
// start is not kept, they begin with the first layer.
void EstimateFast(const Model& model, const PromptPairs& pairs, const NodePruningOptions& options, double runs,
                  PruningCost& cost) {
  const ModelConfig& config = model.config();
  const EngineLoad load = EngineLoadOf(model.network(), pairs, options);
  const EnginePlan plan = PlanEngine(config, load, options.memory_budget_bytes, /*shrink=*/0);
  cost.micro_batch_prompts = plan.chunk_tokens / load.longest;
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
