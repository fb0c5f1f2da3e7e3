#include "server/graph/edge_selection.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <tuple>
#include <utility>
#include <vector>

#include "server/graph/edge_order.h"

namespace circuitd {
namespace {

// An edge and what it counts for, by ranks.
struct Candidate {
  double score;
  int receiver, sender;
};

// Whether `a` is taken before `b`.
bool Before(const Candidate& a, const Candidate& b) {
  return std::tuple(b.score, a.receiver, a.sender) < std::tuple(a.score, b.receiver, b.sender);
}

class Selector {
 public:
  Selector(const EdgeScores& scores, const EdgeSelection& selection)
      : scores_(scores), selection_(selection), config_(scores.config()), selected_(config_) {}

  EdgeSet TakeBest() {
    std::vector<Candidate> edges = AllEdges();
    const auto count = static_cast<size_t>(std::max<int64_t>(selection_.count, 0));
    const auto end = edges.begin() + static_cast<int64_t>(std::min(count, edges.size()));
    std::partial_sort(edges.begin(), end, edges.end(), Before);
    std::for_each(edges.begin(), end, [this](const Candidate& edge) { Take(edge); });
    return std::move(selected_);
  }

  EdgeSet TakeAboveThreshold() {
    for (const Candidate& edge : AllEdges()) {
      if (edge.score >= selection_.threshold) Take(edge);
    }
    return std::move(selected_);
  }

  EdgeSet TakeConnected() {
    const auto after = [](const Candidate& a, const Candidate& b) { return Before(b, a); };
    std::priority_queue<Candidate, std::vector<Candidate>, decltype(after)> reachable(after);
    const auto reach = [&](const Node& receiver) {
      for (const Candidate& edge : EdgesInto(receiver)) reachable.push(edge);
    };
    std::vector<bool> joined(SenderCount(config_));
    reach(Node::Logits());
    while (selected_.size() < selection_.count && !reachable.empty()) {
      const Candidate edge = reachable.top();
      reachable.pop();
      Take(edge);
      if (joined[edge.sender]) continue;
      joined[edge.sender] = true;
      for (const Node& input : InputsOf(SenderOfRank(config_, edge.sender))) reach(input);
    }
    return std::move(selected_);
  }

 private:
  // What the node reads.
  static std::vector<Node> InputsOf(const Node& node) {
    if (node.is_mlp()) return {node};
    if (!node.is_head()) return {};
    std::vector<Node> inputs;
    for (const Node::Input input : {Node::Input::kQ, Node::Input::kK, Node::Input::kV}) {
      inputs.push_back(Node::Head(node.layer, node.head, input));
    }
    return inputs;
  }

  std::vector<Candidate> EdgesInto(const Node& node) const {
    std::vector<Candidate> edges;
    const int receiver = ReceiverRank(config_, node), senders = SendersBelow(config_, node);
    for (int sender = 0; sender < senders; ++sender) {
      const double score = scores_.At(receiver, sender);
      edges.push_back({selection_.absolute ? std::abs(score) : score, receiver, sender});
    }
    return edges;
  }

  std::vector<Candidate> AllEdges() const {
    std::vector<Candidate> edges;
    for (int receiver = 0; receiver < ReceiverCount(config_); ++receiver) {
      const auto into = EdgesInto(ReceiverOfRank(config_, receiver));
      edges.insert(edges.end(), into.begin(), into.end());
    }
    return edges;
  }

  void Take(const Candidate& edge) { selected_.Set(edge.receiver, edge.sender, true); }

  const EdgeScores& scores_;
  const EdgeSelection& selection_;
  const ModelConfig& config_;
  EdgeSet selected_;
};

}  // namespace

EdgeSet SelectEdges(const EdgeScores& scores, const EdgeSelection& selection) {
  Selector selector(scores, selection);
  switch (selection.rule) {
    case EdgeSelection::Rule::kTopK:
      return selector.TakeBest();
    case EdgeSelection::Rule::kThreshold:
      return selector.TakeAboveThreshold();
    case EdgeSelection::Rule::kGreedy:
      break;
  }
  return selector.TakeConnected();
}

}  // namespace circuitd
