// The exact effect of ablating each edge alone: what the methods with gradients approximate.
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/circuit/attribution/attribution_methods.h"
#include "server/graph/edge_order.h"

namespace circuitd {

absl::StatusOr<EdgeScores> ExactEffects(EdgeScorer& scorer, const ModelConfig& config, Metric metric,
                                        const AttributionCallbacks& callbacks, absl::Span<const AttributionStep> made) {
  const EdgeSet all = EdgeSet::All(config);
  const int receivers = ReceiverCount(config);
  if (made.size() > static_cast<size_t>(receivers)) {
    return absl::DataLossError(
        absl::StrCat("an earlier run made ", made.size(), " steps, the model has ", receivers, " receivers"));
  }
  EdgeScores scores(config);
  double clean_loss = 0;
  if (made.size() < static_cast<size_t>(receivers)) {
    ASSIGN_OR_RETURN(const double clean, scorer.Score(all));
    clean_loss = LossOf(metric, clean);
  }
  for (int done = 0; done < receivers; ++done) {
    const int receiver = receivers - 1 - done;
    std::vector<int> senders(SendersBelow(config, ReceiverOfRank(config, receiver)));
    std::iota(senders.begin(), senders.end(), 0);
    AttributionStep step;
    if (static_cast<size_t>(done) < made.size()) {
      step = made[done];
      if (step.receivers_done != done + 1 || step.sums.size() != senders.size()) {
        return absl::DataLossError(absl::StrCat("step ", done, " of an earlier run has ", step.sums.size(),
                                                " scores after ", step.receivers_done, " receivers, expected ",
                                                senders.size(), " after ", done + 1));
      }
    } else {
      ASSIGN_OR_RETURN(step.sums, scorer.ScoreWithout(all, receiver, senders));
      for (double& score : step.sums) score = LossOf(metric, score) - clean_loss;
      step.receivers_done = done + 1;
      step.steps_left = receivers - step.receivers_done;
      if (callbacks.on_step) callbacks.on_step(step);
    }
    for (const int sender : senders) scores.Set(receiver, sender, step.sums[sender]);
  }
  return scores;
}

AttributionCost EstimateExactEffects(const Model& model, const PromptPairs& pairs, const AttributionOptions& options) {
  const ModelConfig& config = model.config();
  // Each edge runs its receiver's layer again and those above.
  double runs = 0;
  for (int receiver = 0; receiver < ReceiverCount(config); ++receiver) {
    const Node node = ReceiverOfRank(config, receiver);
    if (node == Node::Logits()) continue;
    runs += static_cast<double>(SendersBelow(config, node)) * (config.n_layers - node.layer) / config.n_layers;
  }
  const EdgeRunCost run = EstimateEdgeRun(model, pairs, options.runs);
  return {.steps = ReceiverCount(config),
          .micro_batch_prompts = run.micro_batch_prompts,
          .memory_bytes = run.memory_bytes,
          .flops = (1 + runs) * run.flops};
}

}  // namespace circuitd
