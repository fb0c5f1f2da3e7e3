// Some of a model's edges, or a number for each of them.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "server/graph/edge.h"
#include "server/graph/node.h"
#include "server/model/config.h"

namespace circuitd {

// Receivers and senders go by their ranks (edge_order.h); a sender has to be below the receiver. A plain value.
class EdgeSet {
 public:
  // None.
  explicit EdgeSet(const ModelConfig& config);
  static EdgeSet All(const ModelConfig& config);
  // All but those that leave a head or MLP outside of `nodes`: what ablating these nodes leaves.
  static EdgeSet LeavingOnly(const ModelConfig& config, const NodeSet& nodes);
  // Those between nodes of `nodes`, embed and logits.
  static EdgeSet Among(const ModelConfig& config, const NodeSet& nodes);

  bool Contains(int receiver, int sender) const { return contains_[Place(receiver, sender)]; }
  bool Contains(const Edge& edge) const;
  void Set(int receiver, int sender, bool contained);
  void Set(const Edge& edge, bool contained);
  int64_t size() const { return size_; }
  // Of the model that this is for.
  int receiver_count() const { return receiver_count_; }
  int sender_count() const { return sender_count_; }
  const ModelConfig& config() const { return config_; }

  // By receiver, then by sender, both in forward order.
  std::vector<Edge> Edges() const;
  // Heads and MLPs that an edge joins.
  NodeSet Nodes() const;

  friend bool operator==(const EdgeSet& a, const EdgeSet& b) { return a.contains_ == b.contains_; }

 private:
  size_t Place(int receiver, int sender) const { return size_t(receiver) * sender_count_ + sender; }

  ModelConfig config_;
  int receiver_count_;
  int sender_count_;
  int64_t size_ = 0;
  std::vector<bool> contains_;  // [receiver, sender]
};

// `edges` without those that can't matter: into a node with no way to the logits and, with `from_embed`, out of one
// that nothing reaches from the embedding (whose output is then the corrupted run's, if that is what edges outside
// carry). A head is reached by its q, k or v. The metric of the circuit stays what it is.
EdgeSet WithoutDangling(EdgeSet edges, bool from_embed);

// A score for each of a model's edges. A plain value.
class EdgeScores {
 public:
  // All 0.
  explicit EdgeScores(const ModelConfig& config);

  double At(int receiver, int sender) const { return values_[size_t(receiver) * sender_count_ + sender]; }
  void Set(int receiver, int sender, double score) { values_[size_t(receiver) * sender_count_ + sender] = score; }
  const ModelConfig& config() const { return config_; }
  // [receiver, sender], 0 where there is no edge.
  const std::vector<double>& values() const { return values_; }

 private:
  ModelConfig config_;
  int sender_count_;
  std::vector<double> values_;
};

}  // namespace circuitd
