#include "server/circuit/plain_node_scorer.h"

#include <algorithm>
#include <numeric>

#include "base/status.h"
#include "server/circuit/node_ablation.h"
#include "server/circuit/node_score.h"
#include "server/model/logit_readout.h"
#include "server/model/metric_values.h"
#include "server/model/prompt_length.h"
#include "server/model/torch_border.h"

namespace circuitd {

PlainNodeScorer::PlainNodeScorer(const Gpt2& network, const PromptPairs& pairs, const NodePruningOptions& options,
                                 const Checkpoint& checkpoint)
    : network_(network), options_(options), checkpoint_(checkpoint) {
  for (const PromptPair& pair : pairs) {
    clean_.push_back(pair.clean);
    corrupted_.push_back(pair.corrupted);
    answers_.push_back({pair.correct, pair.incorrect});
  }
  batches_ = MicroBatchesOf(pairs.size(), MicroBatchPrompts(network, pairs, options));
}

int64_t PlainNodeScorer::MicroBatchPrompts(const Gpt2& network, const PromptPairs& pairs,
                                           const NodePruningOptions& options) {
  const int64_t budget = options.memory_budget_bytes;
  const auto longest = static_cast<int64_t>(LongestPrompt(pairs, &PromptPair::clean));
  int64_t most = std::min(PromptsWithin(network.config(), longest, MetricLimits(network, budget)),
                          PromptsWithin(network.config(), longest, CaptureMeansLimits(network, longest, budget)));
  most = std::min<int64_t>(most, pairs.size());
  return std::max<int64_t>(1, std::min(most, options.micro_batch_prompts.value_or(most)));
}

absl::StatusOr<std::unique_ptr<PlainNodeScorer>> PlainNodeScorer::Create(const Gpt2& network, const PromptPairs& pairs,
                                                                         const NodePruningOptions& options,
                                                                         const Checkpoint& checkpoint) {
  auto scorer = std::unique_ptr<PlainNodeScorer>(new PlainNodeScorer(network, pairs, options, checkpoint));
  const std::vector<bool> all(network.config().n_layers, true);
  ASSIGN_OR_RETURN(scorer->means_, scorer->CorruptedMeans({all, all}, nullptr));
  ASSIGN_OR_RETURN(scorer->full_logit_diff_, scorer->LogitDiff(nullptr));
  RETURN_IF_ERROR(CheckFullLogitDiff(scorer->full_logit_diff_));
  return scorer;
}

absl::StatusOr<double> PlainNodeScorer::Score(const NodeSet& circuit) {
  const int n_layers = network_.config().n_layers;
  std::vector<bool> ablated_mlps(n_layers);
  for (int layer = 0; layer < n_layers; ++layer) ablated_mlps[layer] = !circuit.contains(Node::Mlp(layer));

  // A circuit with all of its MLPs needs no mean of them.
  std::vector<at::Tensor> mlp_out_means = means_.mlp_out;
  const bool any = std::find(ablated_mlps.begin(), ablated_mlps.end(), true) != ablated_mlps.end();
  if (options_.means == MlpMeans::kSeqcont && any) {
    NodeAblation heads_only(network_, circuit, /*ablate_mlps=*/false, means_.z, mlp_out_means);
    ASSIGN_OR_RETURN(const ActivationMeans means,
                     CorruptedMeans({std::vector<bool>(n_layers), ablated_mlps}, &heads_only));
    mlp_out_means = means.mlp_out;
  }
  NodeAblation ablation(network_, circuit, /*ablate_mlps=*/true, means_.z, mlp_out_means);
  ASSIGN_OR_RETURN(const double logit_diff, LogitDiff(&ablation));
  return ScoreOf(logit_diff, full_logit_diff_);
}

absl::StatusOr<ActivationMeans> PlainNodeScorer::CorruptedMeans(const CaptureLayers& layers, Hooks* ablation) {
  return CaptureMeans(network_, corrupted_, batches_, layers, ablation, checkpoint_);
}

absl::StatusOr<double> PlainNodeScorer::LogitDiff(Hooks* ablation) {
  double sum = 0;
  RETURN_IF_ERROR(ForEachMicroBatch(batches_, checkpoint_, [&](MicroBatch batch) {
    return InTorch([&] {
      const PaddedPrompts padded = Pad(Rows(clean_, batch), network_.device());
      const at::Tensor residual = network_.Run(padded.tokens, ablation);
      const at::Tensor logits = LastLogits(network_, residual, padded);  // [batch, d_vocab]
      const auto values = MetricPerPrompt(Metric::kLogitDiff, logits, {}, Rows(answers_, batch));
      sum += std::accumulate(values.begin(), values.end(), 0.0);
      return absl::OkStatus();
    });
  }));
  return sum / static_cast<double>(clean_.size());
}

}  // namespace circuitd
