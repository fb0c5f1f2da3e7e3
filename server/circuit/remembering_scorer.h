// Scores of circuits that were scored before, without running them.
#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "server/circuit/node_scorer.h"
#include "server/model/config.h"

namespace circuitd {

// Later sweeps come by many circuits that earlier ones have tried; a circuit's score never changes.
class RememberingScorer : public NodeScorer {
 public:
  RememberingScorer(const ModelConfig& config, std::unique_ptr<NodeScorer> scorer)
      : config_(config), scorer_(std::move(scorer)) {}

  double full_logit_diff() const override { return scorer_->full_logit_diff(); }
  absl::StatusOr<double> Score(const NodeSet& circuit) override;
  absl::StatusOr<double> ScoreWithout(const NodeSet& circuit, const Node& node) override;
  void Learn(const NodeSet& circuit, const Node& node, double score) override;

 private:
  // Whether each of the model's nodes is in it: a bit a node, since a long run scores thousands of circuits.
  std::vector<bool> KeyOf(const NodeSet& circuit) const;

  const ModelConfig& config_;
  const std::unique_ptr<NodeScorer> scorer_;
  std::map<std::vector<bool>, double> scores_;
};

}  // namespace circuitd
