// Edge-masked runs written out: prompt by prompt, receiver by receiver, sender by sender, by hooks on whole runs.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "server/circuit/edges/edge_scorer.h"
#include "server/model/gpt2.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd::testing {

class NaiveEdges : public EdgeScorer {
 public:
  NaiveEdges(const Model& model, const PromptPairs& pairs, const EdgeScorerOptions& options);

  absl::StatusOr<double> Score(const EdgeSet& edges) override;
  absl::StatusOr<std::vector<double>> ScoreWithout(const EdgeSet& edges, int receiver, absl::Span<const int> senders,
                                                   PathFreeze freeze) override;
  double model_metric() const override { return model_metric_; }

  // The last position's logits of a pair's run: [1, d_vocab].
  at::Tensor Logits(size_t pair, const EdgeSet& edges) const;

 private:
  struct PairRun {
    std::vector<int> tokens;
    std::vector<at::Tensor> outside;  // by a sender's rank: [1, pos, d_model]
    at::Tensor clean_logits;
    Answer answer;
  };

  double Metric(const PairRun& run, const at::Tensor& logits) const;
  double Mean(const std::function<at::Tensor(const PairRun&)>& logits) const;

  const Gpt2& network_;
  const EdgeScorerOptions options_;
  std::vector<PairRun> runs_;
  std::vector<bool> fixed_;
  double model_metric_ = 0;
};

// Each edge with a chance of `share`; none out of a node outside of `nodes`.
EdgeSet RandomEdges(const ModelConfig& config, uint64_t seed, double share, const NodeSet& nodes);

}  // namespace circuitd::testing
