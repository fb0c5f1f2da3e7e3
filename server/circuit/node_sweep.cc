#include "server/circuit/node_sweep.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace circuitd {
namespace {

// Every node of the model in a sweep's order.
std::vector<Node> SweepOrder(const ModelConfig& config, SweepDirection direction) {
  const bool backward = direction == SweepDirection::kBackward;
  std::vector<Node> order;
  for (int i = 0; i < config.n_layers; ++i) {
    const int layer = backward ? config.n_layers - 1 - i : i;
    if (backward) order.push_back(Node::Mlp(layer));
    for (int head = 0; head < config.n_heads; ++head) order.push_back(Node::Head(layer, head));
    if (!backward) order.push_back(Node::Mlp(layer));
  }
  return order;
}

std::string Describe(const PruningDecision& decision) {
  const bool backward = decision.direction == SweepDirection::kBackward;
  return absl::StrCat(NodeName(decision.node), " in the ", backward ? "backward" : "forward", " sweep of iteration ",
                      decision.iteration);
}

// Whether `made` is the decision `next` of this pruning, which has no score yet.
absl::Status CheckMade(const PruningDecision& made, const PruningDecision& next) {
  const auto lost = [&](const auto&... what) {
    return absl::DataLossError(absl::StrCat("decision ", next.index, " of an earlier run ", what...));
  };
  if (made.index != next.index) return lost("has the index ", made.index);
  if (made.node != next.node || made.iteration != next.iteration || made.direction != next.direction) {
    return lost("is of ", Describe(made), ", this pruning's is of ", Describe(next));
  }
  if (!std::isfinite(made.score)) return lost("has the score ", made.score);
  return absl::OkStatus();
}

class Pruning {
 public:
  Pruning(NodeScorer& scorer, const ModelConfig& config, const NodePruningOptions& options,
          const std::function<void(const PruningDecision&)>& on_decision, absl::Span<const PruningDecision> made)
      : scorer_(scorer), config_(config), options_(options), on_decision_(on_decision), made_(made) {
    result_.circuit = AllNodes(config);
    result_.score = 100;
    result_.full_logit_diff = scorer.full_logit_diff();
  }

  absl::StatusOr<NodePruningResult> Run() {
    if (absl::Status status = Iterate(); !status.ok()) return status;
    if (result_.decision_count < static_cast<int64_t>(made_.size())) {
      return absl::DataLossError(absl::StrCat("an earlier run made ", made_.size(),
                                              " decisions, this pruning ends after ", result_.decision_count));
    }
    return result_;
  }

 private:
  absl::Status Iterate() {
    for (int iteration = 0; !options_.max_iterations || iteration < *options_.max_iterations; ++iteration) {
      for (SweepDirection direction : {SweepDirection::kBackward, SweepDirection::kForward}) {
        const size_t before = result_.circuit.size();
        if (absl::Status status = Sweep(iteration, direction); !status.ok()) return status;
        if (result_.circuit.size() == before) {
          result_.converged = true;
          return absl::OkStatus();
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status Sweep(int iteration, SweepDirection direction) {
    // A candidate is only ever removed by its own decision, so those of this sweep are known at its start.
    std::vector<Node> candidates = SweepOrder(config_, direction);
    std::erase_if(candidates, [&](const Node& node) { return !result_.circuit.contains(node); });
    for (size_t i = 0; i < candidates.size(); ++i) {
      PruningDecision decision;
      decision.index = result_.decision_count++;
      decision.node = candidates[i];
      decision.iteration = iteration;
      decision.direction = direction;

      const bool is_made = decision.index < static_cast<int64_t>(made_.size());
      const absl::StatusOr<double> score = is_made ? MadeScore(decision) : Score(decision.node);
      if (!score.ok()) return score.status();
      decision.score = *score;
      decision.removed = 100 - decision.score < options_.threshold;
      if (is_made && decision.removed != made_[decision.index].removed) {
        return absl::DataLossError(absl::StrCat("decision ", decision.index, " of an earlier run, of ",
                                                Describe(decision), ", has the score ", decision.score, " and ",
                                                decision.removed ? "kept" : "removed", " the node, with the threshold ",
                                                options_.threshold));
      }
      if (decision.removed) {
        result_.circuit.erase(decision.node);
        result_.score = decision.score;
      }
      decision.heads_kept = CountHeads(result_.circuit);
      decision.mlps_kept = CountMlps(result_.circuit);
      decision.candidates_left = candidates.size() - i - 1;
      if (direction == SweepDirection::kBackward) decision.candidates_left += result_.circuit.size();
      if (!is_made && on_decision_) on_decision_(decision);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<double> Score(const Node& node) {
    absl::StatusOr<double> score = scorer_.ScoreWithout(result_.circuit, node);
    if (score.ok()) return score;
    return absl::Status(score.status().code(),
                        absl::StrCat("without ", NodeName(node), ": ", score.status().message()));
  }

  // Of a decision that an earlier run made.
  absl::StatusOr<double> MadeScore(const PruningDecision& decision) {
    const PruningDecision& made = made_[decision.index];
    if (absl::Status status = CheckMade(made, decision); !status.ok()) return status;
    scorer_.Learn(result_.circuit, made.node, made.score);
    return made.score;
  }

  NodeScorer& scorer_;
  const ModelConfig& config_;
  const NodePruningOptions& options_;
  const std::function<void(const PruningDecision&)>& on_decision_;
  const absl::Span<const PruningDecision> made_;
  NodePruningResult result_;
};

}  // namespace

absl::StatusOr<NodePruningResult> PruneWithScorer(NodeScorer& scorer, const ModelConfig& config,
                                                  const NodePruningOptions& options,
                                                  const std::function<void(const PruningDecision&)>& on_decision,
                                                  absl::Span<const PruningDecision> made) {
  return Pruning(scorer, config, options, on_decision, made).Run();
}

}  // namespace circuitd
