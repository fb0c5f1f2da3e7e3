#include <algorithm>

#include "server/circuit/edges/edge_batches.h"
#include "server/circuit/edges/edge_scorer.h"
#include "server/graph/edge_order.h"
#include "server/model/forward_flops.h"
#include "server/model/gpt2.h"
#include "server/model/prompt_length.h"

namespace circuitd {

EdgeRunCost EstimateEdgeRun(const Model& model, const PromptPairs& pairs, const EdgeScorerOptions& options) {
  const ModelConfig& config = model.config();
  const Gpt2& network = model.network();
  EdgeRunCost cost;
  cost.micro_batch_prompts = EdgeBatches::MicroBatchPrompts(network, pairs, options);
  const int64_t longest = LongestPrompt(pairs, &PromptPair::clean);
  const int64_t budget = options.memory_budget_bytes, packed = EdgeBatches::PackedBytes(network, budget);
  const MicroBatchLimits limits = EdgeBatches::Limits(network, budget);
  // What is kept takes what a run does, at most, and no more than half of what packed weights leave.
  const int64_t working = ActivationBytes(config, cost.micro_batch_prompts, longest, limits);
  const auto all = ActivationBytes(config, static_cast<int64_t>(pairs.size()), longest, limits);
  cost.memory_bytes = packed + working + std::min(all, (budget - packed) / 2);
  // Each of a layer's receivers adds up its own senders.
  double sums_of_token = 0;
  for (int receiver = 0; receiver < ReceiverCount(config); ++receiver) {
    sums_of_token += 2.0 * SendersBelow(config, ReceiverOfRank(config, receiver)) * config.d_model;
  }
  for (const PromptPair& pair : pairs) {
    cost.flops += ForwardFlops(config, 1, pair.clean.size()) + sums_of_token * static_cast<double>(pair.clean.size());
  }
  return cost;
}

}  // namespace circuitd
