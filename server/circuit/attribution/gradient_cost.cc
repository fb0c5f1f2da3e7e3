// What attribution with gradients takes, and how many pairs of it run side by side.
#include <algorithm>

#include "server/circuit/attribution/attribution_methods.h"
#include "server/graph/edge_order.h"
#include "server/model/forward_flops.h"
#include "server/model/gpt2.h"
#include "server/model/metric_values.h"
#include "server/model/micro_batch.h"
#include "server/model/prompt_length.h"
#include "server/patching/activation_means.h"

namespace circuitd {
namespace {

int64_t ElementSize(const Gpt2& network) { return static_cast<int64_t>(c10::elementSize(network.dtype())); }

// Of what all senders write at a position.
int64_t OutputElements(const ModelConfig& config) { return int64_t{SenderCount(config)} * config.d_model; }

// Of micro-batches with a differentiable run.
MicroBatchLimits GradientLimits(const Gpt2& network, int64_t longest, int64_t budget_bytes) {
  const ModelConfig& config = network.config();
  MicroBatchLimits limits = MetricLimits(network, budget_bytes);
  // Of each layer what the backward pass reads, and the gradients at its receivers.
  const int64_t of_layer =
      16 * int64_t{config.d_model} + 2 * int64_t{config.d_mlp} + 3 * int64_t{config.n_heads} * longest;
  // One part's gradients at all heads' inputs, with the LayerNorm's copies of what they are made of.
  const int64_t of_inputs = 5 * int64_t{config.n_heads} * config.d_model;
  // Outside values and differences.
  const int64_t wide = std::max<int64_t>(ElementSize(network), sizeof(float));
  limits.extra_bytes_per_token =
      config.n_layers * of_layer * ElementSize(network) + (of_inputs + 2 * OutputElements(config)) * wide;
  limits.extra_bytes_per_prompt += 3 * int64_t{config.n_heads} * SenderCount(config) * wide;
  return limits;
}

// What of the budget is held all the time: means of what all senders write.
int64_t MeanBytes(const Gpt2& network, int64_t longest, const EdgeScorerOptions& options) {
  if (options.ablation != EdgeAblation::kMean) return 0;
  return longest * OutputElements(network.config()) * ElementSize(network);
}

MicroBatchLimits LimitsOf(const Gpt2& network, int64_t longest, const EdgeScorerOptions& options) {
  return GradientLimits(network, longest, options.memory_budget_bytes - MeanBytes(network, longest, options));
}

// Differentiable runs for each pair.
int64_t GradientRuns(const ModelConfig& config, const AttributionOptions& options) {
  switch (options.method) {
    case AttributionMethod::kEapIgInputs:
      return options.steps;
    case AttributionMethod::kEapIgActivations:
      return int64_t{options.steps} * (1 + 2 * config.n_layers);
    default:
      return 1;
  }
}

}  // namespace

int64_t GradientMicroBatchPrompts(const Model& model, const PromptPairs& pairs, const AttributionOptions& attribution) {
  const Gpt2& network = model.network();
  const EdgeScorerOptions& options = attribution.runs;
  const int64_t longest = LongestPrompt(pairs, &PromptPair::clean);
  int64_t most = PromptsWithin(network.config(), longest, LimitsOf(network, longest, options));
  if (options.ablation == EdgeAblation::kMean) {
    const MicroBatchLimits means = CaptureMeansLimits(network, longest, options.memory_budget_bytes);
    most = std::min(most, PromptsWithin(network.config(), longest, means));
  }
  most = std::min<int64_t>(most, pairs.size());
  return std::max<int64_t>(1, std::min(most, options.micro_batch_prompts.value_or(most)));
}

AttributionCost EstimateGradientEffects(const Model& model, const PromptPairs& pairs,
                                        const AttributionOptions& options) {
  const ModelConfig& config = model.config();
  const Gpt2& network = model.network();
  const int64_t longest = LongestPrompt(pairs, &PromptPair::clean);
  AttributionCost cost;
  cost.micro_batch_prompts = GradientMicroBatchPrompts(model, pairs, options);
  cost.steps = (static_cast<int64_t>(pairs.size()) + cost.micro_batch_prompts - 1) / cost.micro_batch_prompts;
  cost.memory_bytes =
      MeanBytes(network, longest, options.runs) +
      ActivationBytes(config, cost.micro_batch_prompts, longest, LimitsOf(network, longest, options.runs));
  const auto runs = static_cast<double>(GradientRuns(config, options));
  const double outside_runs = options.runs.ablation == EdgeAblation::kZero ? 0 : 1;
  const double plain_runs = 1 + outside_runs + (options.runs.metric == Metric::kKlDiv ? 1 : 0);
  // Gradients from heads to their inputs, and their products with all that senders below write.
  const double d_model = config.d_model;
  const double of_token = 2 * d_model * (3.0 * config.n_layers * d_model + static_cast<double>(EdgeCount(config)));
  for (const PromptPair& pair : pairs) {
    const auto pos = static_cast<double>(pair.clean.size());
    // A backward pass to inputs alone is as long as a forward pass.
    cost.flops += (plain_runs + 2 * runs) * ForwardFlops(config, 1, pair.clean.size()) + runs * pos * of_token;
  }
  return cost;
}

}  // namespace circuitd
