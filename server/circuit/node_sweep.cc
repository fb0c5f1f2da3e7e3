#include "server/circuit/node_sweep.h"

#include <algorithm>
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

class Pruning {
 public:
  Pruning(NodeScorer& scorer, const ModelConfig& config, const NodePruningOptions& options,
          const std::function<void(const PruningDecision&)>& on_decision)
      : scorer_(scorer), config_(config), options_(options), on_decision_(on_decision) {
    result_.circuit = AllNodes(config);
    result_.score = 100;
    result_.full_logit_diff = scorer.full_logit_diff();
  }

  absl::StatusOr<NodePruningResult> Run() {
    for (int iteration = 0; !options_.max_iterations || iteration < *options_.max_iterations; ++iteration) {
      for (SweepDirection direction : {SweepDirection::kBackward, SweepDirection::kForward}) {
        const size_t before = result_.circuit.size();
        if (absl::Status status = Sweep(iteration, direction); !status.ok()) return status;
        if (result_.circuit.size() == before) {
          result_.converged = true;
          return result_;
        }
      }
    }
    return result_;
  }

 private:
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

      const absl::StatusOr<double> score = scorer_.ScoreWithout(result_.circuit, decision.node);
      if (!score.ok()) {
        return absl::Status(score.status().code(),
                            absl::StrCat("without ", NodeName(decision.node), ": ", score.status().message()));
      }
      decision.score = *score;
      decision.removed = 100 - decision.score < options_.threshold;
      if (decision.removed) {
        result_.circuit.erase(decision.node);
        result_.score = decision.score;
      }
      decision.heads_kept = CountHeads(result_.circuit);
      decision.mlps_kept = CountMlps(result_.circuit);
      decision.candidates_left = candidates.size() - i - 1;
      if (direction == SweepDirection::kBackward) decision.candidates_left += result_.circuit.size();
      if (on_decision_) on_decision_(decision);
    }
    return absl::OkStatus();
  }

  NodeScorer& scorer_;
  const ModelConfig& config_;
  const NodePruningOptions& options_;
  const std::function<void(const PruningDecision&)>& on_decision_;
  NodePruningResult result_;
};

}  // namespace

absl::StatusOr<NodePruningResult> PruneWithScorer(NodeScorer& scorer, const ModelConfig& config,
                                                  const NodePruningOptions& options,
                                                  const std::function<void(const PruningDecision&)>& on_decision) {
  return Pruning(scorer, config, options, on_decision).Run();
}

}  // namespace circuitd
