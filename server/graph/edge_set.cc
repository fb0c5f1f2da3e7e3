#include "server/graph/edge_set.h"

#include "server/graph/edge_order.h"

namespace circuitd {

EdgeSet::EdgeSet(const ModelConfig& config)
    : config_(config),
      receiver_count_(ReceiverCount(config)),
      sender_count_(SenderCount(config)),
      contains_(size_t(receiver_count_) * sender_count_) {}

EdgeSet EdgeSet::All(const ModelConfig& config) { return LeavingOnly(config, AllNodes(config)); }

EdgeSet EdgeSet::LeavingOnly(const ModelConfig& config, const NodeSet& nodes) {
  EdgeSet edges(config);
  for (int receiver = 0; receiver < edges.receiver_count_; ++receiver) {
    const int senders = SendersBelow(config, ReceiverOfRank(config, receiver));
    for (int sender = 0; sender < senders; ++sender) {
      if (sender == 0 || nodes.contains(SenderOfRank(config, sender))) edges.Set(receiver, sender, true);
    }
  }
  return edges;
}

EdgeSet EdgeSet::Among(const ModelConfig& config, const NodeSet& nodes) {
  EdgeSet edges = LeavingOnly(config, nodes);
  for (int receiver = 0; receiver < edges.receiver_count_; ++receiver) {
    const Node node = NodeOfReceiver(ReceiverOfRank(config, receiver));
    if (node == Node::Logits() || nodes.contains(node)) continue;
    for (int sender = 0; sender < edges.sender_count_; ++sender) edges.Set(receiver, sender, false);
  }
  return edges;
}

bool EdgeSet::Contains(const Edge& edge) const {
  return Contains(ReceiverRank(config_, edge.receiver), SenderRank(config_, edge.sender));
}

void EdgeSet::Set(int receiver, int sender, bool contained) {
  const size_t place = Place(receiver, sender);
  size_ += static_cast<int>(contained) - static_cast<int>(contains_[place]);
  contains_[place] = contained;
}

void EdgeSet::Set(const Edge& edge, bool contained) {
  Set(ReceiverRank(config_, edge.receiver), SenderRank(config_, edge.sender), contained);
}

std::vector<Edge> EdgeSet::Edges() const {
  std::vector<Edge> edges;
  for (int receiver = 0; receiver < receiver_count_; ++receiver) {
    for (int sender = 0; sender < sender_count_; ++sender) {
      if (!Contains(receiver, sender)) continue;
      edges.push_back({SenderOfRank(config_, sender), ReceiverOfRank(config_, receiver)});
    }
  }
  return edges;
}

NodeSet EdgeSet::Nodes() const {
  NodeSet nodes;
  for (const Edge& edge : Edges()) {
    for (const Node& node : {edge.sender, NodeOfReceiver(edge.receiver)}) {
      if (node.is_head() || node.is_mlp()) nodes.insert(node);
    }
  }
  return nodes;
}

EdgeSet WithoutDangling(EdgeSet edges, bool from_embed) {
  const ModelConfig& config = edges.config();
  // By a sender's rank: whether the logits hear of it, from them down.
  std::vector<bool> heard(edges.sender_count());
  for (int receiver = edges.receiver_count() - 1; receiver >= 0; --receiver) {
    const Node node = NodeOfReceiver(ReceiverOfRank(config, receiver));
    const bool matters = node == Node::Logits() || heard[SenderRank(config, node)];
    for (int sender = 0; sender < edges.sender_count(); ++sender) {
      if (!edges.Contains(receiver, sender)) continue;
      if (matters) {
        heard[sender] = true;
      } else {
        edges.Set(receiver, sender, false);
      }
    }
  }
  if (!from_embed) return edges;
  // Whether the embedding reaches it, upwards: a sender's own receivers are before those that read it.
  std::vector<bool> reached(edges.sender_count());
  reached[0] = true;
  for (int receiver = 0; receiver < edges.receiver_count(); ++receiver) {
    const Node node = NodeOfReceiver(ReceiverOfRank(config, receiver));
    for (int sender = 0; sender < edges.sender_count(); ++sender) {
      if (!edges.Contains(receiver, sender)) continue;
      if (!reached[sender]) {
        edges.Set(receiver, sender, false);
      } else if (node != Node::Logits()) {
        reached[SenderRank(config, node)] = true;
      }
    }
  }
  // A sender may have been heard only by what nothing reaches.
  return WithoutDangling(std::move(edges), /*from_embed=*/false);
}

EdgeScores::EdgeScores(const ModelConfig& config)
    : config_(config), sender_count_(SenderCount(config)), values_(size_t(ReceiverCount(config)) * sender_count_) {}

}  // namespace circuitd
