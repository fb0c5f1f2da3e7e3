#include "server/circuit/edges/edge_pruning.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/circuit/edges/edge_decisions.h"
#include "server/circuit/edges/receiver_order.h"
#include "server/circuit/node_score.h"
#include "server/graph/edge_order.h"

namespace circuitd {
namespace {

// Candidates of a receiver, by rank, in forward order.
std::vector<int> CandidateSenders(const ModelConfig& config, const NodeSet& nodes, int receiver) {
  const Node node = ReceiverOfRank(config, receiver);
  std::vector<int> senders;
  if (node != Node::Logits() && !nodes.contains(NodeOfReceiver(node))) return senders;
  for (int sender = 1; sender < SendersBelow(config, node); ++sender) {
    if (nodes.contains(SenderOfRank(config, sender))) senders.push_back(sender);
  }
  return senders;
}

class EdgePruning {
 public:
  EdgePruning(EdgeScorer& scorer, const ModelConfig& config, const EdgePruningOptions& options,
              const EdgeCallbacks& callbacks, absl::Span<const EdgeDecision> made)
      : scorer_(scorer),
        config_(config),
        options_(options),
        run_(EdgeSet::Among(config, options.nodes)),
        kept_(config),
        decisions_(EdgePruningOrder(config, options.nodes).size(), callbacks, made) {}

  absl::StatusOr<EdgeCircuitResult> Run() {
    RETURN_IF_ERROR(CheckFullLogitDiff(scorer_.model_metric()));
    for (const int receiver : ReceiversDown(config_)) RETURN_IF_ERROR(TryReceiver(receiver));
    RETURN_IF_ERROR(decisions_.Finish());
    kept_ = WithoutDangling(std::move(kept_), /*from_embed=*/false);
    NodeSet nodes = kept_.Nodes();
    // The embedding is no candidate's sender: what it writes everything reads.
    EdgeSet empty = EdgesOfEmbed(options_.nodes);
    for (const Edge& edge : EdgesOfEmbed(nodes).Edges()) kept_.Set(edge, true);
    ASSIGN_OR_RETURN(const double circuit_metric, scorer_.Score(kept_));
    ASSIGN_OR_RETURN(const double empty_metric, scorer_.Score(empty));
    return EdgeCircuitResult{std::move(nodes), std::move(kept_),       decisions_.count(),
                             circuit_metric,   scorer_.model_metric(), empty_metric};
  }

 private:
  absl::Status TryReceiver(int receiver) {
    const std::vector<int> senders = CandidateSenders(config_, options_.nodes, receiver);
    const auto edge_of = [&](int sender) {
      return Edge{SenderOfRank(config_, sender), ReceiverOfRank(config_, receiver)};
    };
    size_t next = 0;
    for (; next < senders.size() && decisions_.NextIsMade(); ++next) {
      ASSIGN_OR_RETURN(const EdgeDecision made, decisions_.Made(edge_of(senders[next])));
      RETURN_IF_ERROR(Decide(receiver, senders[next], made.metric, made.criterion));
    }
    if (next == senders.size()) return absl::OkStatus();
    // Those that an earlier run decided too: which go side by side shows in their rounding.
    const auto metrics = scorer_.ScoreWithout(run_, receiver, senders, options_.freeze);
    if (!metrics.ok()) {
      return absl::Status(metrics.status().code(),
                          absl::StrCat("edges into ", NodeName(edge_of(0).receiver), ": ", metrics.status().message()));
    }
    for (; next < senders.size(); ++next) {
      const double metric = (*metrics)[next];
      RETURN_IF_ERROR(Decide(receiver, senders[next], metric, metric / scorer_.model_metric()));
    }
    return absl::OkStatus();
  }

  // From embed to what the nodes and the logits read.
  EdgeSet EdgesOfEmbed(const NodeSet& nodes) const {
    EdgeSet edges(config_);
    for (const Edge& edge : EdgeSet::Among(config_, nodes).Edges()) {
      if (edge.sender == Node::Embed()) edges.Set(edge, true);
    }
    return edges;
  }

  absl::Status Decide(int receiver, int sender, double metric, double quotient) {
    const bool stays = quotient < options_.threshold;
    if (stays) kept_.Set(receiver, sender, true);
    return decisions_.Add({SenderOfRank(config_, sender), ReceiverOfRank(config_, receiver)}, metric, quotient, !stays);
  }

  EdgeScorer& scorer_;
  const ModelConfig& config_;
  const EdgePruningOptions& options_;
  const EdgeSet run_;  // the circuit's own run
  EdgeSet kept_;
  EdgeDecisions decisions_;
};

}  // namespace

std::vector<Edge> EdgePruningOrder(const ModelConfig& config, const NodeSet& nodes) {
  std::vector<Edge> edges;
  for (const int receiver : ReceiversDown(config)) {
    for (const int sender : CandidateSenders(config, nodes, receiver)) {
      edges.push_back({SenderOfRank(config, sender), ReceiverOfRank(config, receiver)});
    }
  }
  return edges;
}

absl::StatusOr<EdgeCircuitResult> PruneEdges(const Model& model, const PromptPairs& pairs,
                                             const EdgePruningOptions& options, const EdgeCallbacks& callbacks,
                                             absl::Span<const EdgeDecision> made) {
  EdgeScorerOptions runs;
  runs.within = WithinCircuit{options.nodes, options.means};
  runs.memory_budget_bytes = options.memory_budget_bytes;
  runs.micro_batch_prompts = options.micro_batch_prompts;
  ASSIGN_OR_RETURN(const auto scorer, NewEdgeScorer(model, pairs, runs, callbacks.checkpoint));
  return PruneEdgesWithScorer(*scorer, model.config(), options, callbacks, made);
}

absl::StatusOr<EdgeCircuitResult> PruneEdgesWithScorer(EdgeScorer& scorer, const ModelConfig& config,
                                                       const EdgePruningOptions& options,
                                                       const EdgeCallbacks& callbacks,
                                                       absl::Span<const EdgeDecision> made) {
  return EdgePruning(scorer, config, options, callbacks, made).Run();
}

}  // namespace circuitd
