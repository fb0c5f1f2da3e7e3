#include "server/circuit/remembering_scorer.h"

#include "base/status.h"

namespace circuitd {

absl::StatusOr<double> RememberingScorer::Score(const NodeSet& circuit) {
  const std::vector<bool> key = KeyOf(circuit);
  if (const auto known = scores_.find(key); known != scores_.end()) return known->second;
  ASSIGN_OR_RETURN(const double score, scorer_->Score(circuit));
  scores_.emplace(key, score);
  return score;
}

absl::StatusOr<double> RememberingScorer::ScoreWithout(const NodeSet& circuit, const Node& node) {
  const std::vector<bool> key = KeyOf(Without(circuit, node));
  if (const auto known = scores_.find(key); known != scores_.end()) return known->second;
  ASSIGN_OR_RETURN(const double score, scorer_->ScoreWithout(circuit, node));
  scores_.emplace(key, score);
  return score;
}

void RememberingScorer::Learn(const NodeSet& circuit, const Node& node, double score) {
  scores_.emplace(KeyOf(Without(circuit, node)), score);
}

std::vector<bool> RememberingScorer::KeyOf(const NodeSet& circuit) const {
  std::vector<bool> key(config_.n_layers * (config_.n_heads + 1));
  for (const Node& node : circuit) {
    key[node.layer * (config_.n_heads + 1) + (node.is_head() ? node.head : config_.n_heads)] = true;
  }
  return key;
}

}  // namespace circuitd
