#include "server/circuit/edges/acdc.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/circuit/edges/edge_decisions.h"
#include "server/circuit/edges/receiver_order.h"
#include "server/graph/edge_order.h"

namespace circuitd {
namespace {

class Acdc {
 public:
  Acdc(EdgeScorer& scorer, const ModelConfig& config, const AcdcOptions& options, const EdgeCallbacks& callbacks,
       absl::Span<const EdgeDecision> made)
      : scorer_(scorer),
        config_(config),
        options_(options),
        edges_(options.runs.within ? EdgeSet::Among(config, options.runs.within->nodes) : EdgeSet::All(config)),
        decisions_(edges_.size(), callbacks, made),
        heard_(edges_.sender_count()) {}

  absl::StatusOr<EdgeCircuitResult> Run() {
    ASSIGN_OR_RETURN(const double empty, scorer_.Score(EdgeSet(config_)));
    ASSIGN_OR_RETURN(metric_, scorer_.Score(edges_));
    for (const int receiver : ReceiversDown(config_)) RETURN_IF_ERROR(TryReceiver(receiver));
    RETURN_IF_ERROR(decisions_.Finish());
    NodeSet nodes = edges_.Nodes();
    return EdgeCircuitResult{std::move(nodes), std::move(edges_),      decisions_.count(),
                             metric_,          scorer_.model_metric(), empty};
  }

 private:
  // All edges into a receiver. Those out of its node are decided by then.
  absl::Status TryReceiver(int receiver) {
    const bool is_heard = IsHeard(receiver);
    std::vector<int> senders;  // from the nearest to embed
    for (int sender = edges_.sender_count() - 1; sender >= 0; --sender) {
      if (edges_.Contains(receiver, sender)) senders.push_back(sender);
    }
    scorer_.GoOnFrom(edges_);
    // Senders tried side by side, as places from `begin` to before `end`, and their metrics once they are needed. Which
    // go together shows in their rounding, so those that an earlier run decided are counted all the same.
    size_t begin = 0, end = 0, at_once = 1;
    std::vector<double> metrics;
    for (size_t i = 0; i < senders.size(); ++i) {
      const Edge edge{SenderOfRank(config_, senders[i]), ReceiverOfRank(config_, receiver)};
      if (i == end) {
        begin = i;
        end = std::min(i + at_once, senders.size());
        at_once = std::min(2 * at_once, kMostAtOnce);
        metrics.clear();
      }
      double metric = metric_, change = 0;
      if (decisions_.NextIsMade()) {
        ASSIGN_OR_RETURN(const EdgeDecision made, decisions_.Made(edge));
        metric = made.metric;
        change = made.criterion;
      } else if (is_heard) {
        if (metrics.empty()) {
          ASSIGN_OR_RETURN(metrics, Score(receiver, absl::MakeConstSpan(senders).subspan(begin, end - begin)));
        }
        metric = metrics[i - begin];
        change = LossOf(options_.runs.metric, metric) - LossOf(options_.runs.metric, metric_);
      }
      const bool removed = change < options_.threshold;
      RETURN_IF_ERROR(decisions_.Add(edge, metric, change, removed));
      if (removed) {
        edges_.Set(receiver, senders[i], false);
        metric_ = metric;
        // The others were scored with the edge.
        end = i + 1;
        at_once = 1;
      } else if (is_heard) {
        heard_[senders[i]] = true;
      }
    }
    return absl::OkStatus();
  }

  // Whether there is a way from the receiver's node to the logits.
  bool IsHeard(int receiver) const {
    const Node node = NodeOfReceiver(ReceiverOfRank(config_, receiver));
    return node == Node::Logits() || heard_[SenderRank(config_, node)];
  }

  absl::StatusOr<std::vector<double>> Score(int receiver, absl::Span<const int> senders) {
    auto scores = scorer_.ScoreWithout(edges_, receiver, senders);
    if (scores.ok()) return scores;
    const Edge first{SenderOfRank(config_, senders[0]), ReceiverOfRank(config_, receiver)};
    return absl::Status(scores.status().code(),
                        absl::StrCat("without ", EdgeName(first), ": ", scores.status().message()));
  }

  // Edges of a receiver that are tried side by side while they stay: if one leaves, the others are tried again.
  static constexpr size_t kMostAtOnce = 8;

  EdgeScorer& scorer_;
  const ModelConfig& config_;
  const AcdcOptions& options_;
  EdgeSet edges_;
  EdgeDecisions decisions_;
  double metric_ = 0;        // of the run of edges_
  std::vector<bool> heard_;  // by a sender's rank
};

}  // namespace

std::vector<Edge> AcdcOrder(const ModelConfig& config) {
  std::vector<Edge> edges;
  for (const int rank : ReceiversDown(config)) {
    const Node receiver = ReceiverOfRank(config, rank);
    for (int sender = SendersBelow(config, receiver) - 1; sender >= 0; --sender) {
      edges.push_back({SenderOfRank(config, sender), receiver});
    }
  }
  return edges;
}

absl::StatusOr<EdgeCircuitResult> RunAcdc(const Model& model, const PromptPairs& pairs, const AcdcOptions& options,
                                          const EdgeCallbacks& callbacks, absl::Span<const EdgeDecision> made) {
  ASSIGN_OR_RETURN(const auto scorer, NewEdgeScorer(model, pairs, options.runs, callbacks.checkpoint));
  return RunAcdcWithScorer(*scorer, model.config(), options, callbacks, made);
}

absl::StatusOr<EdgeCircuitResult> RunAcdcWithScorer(EdgeScorer& scorer, const ModelConfig& config,
                                                    const AcdcOptions& options, const EdgeCallbacks& callbacks,
                                                    absl::Span<const EdgeDecision> made) {
  return Acdc(scorer, config, options, callbacks, made).Run();
}

}  // namespace circuitd
