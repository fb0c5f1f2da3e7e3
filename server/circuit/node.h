// Nodes of a circuit as plain values, and sets of them.
#pragma once

#include <compare>
#include <set>
#include <string>

#include "server/model/config.h"

namespace circuitd {

// An attention head (its attn.hook_z) or an MLP (its hook_mlp_out).
struct Node {
  enum class Kind { kHead, kMlp };
  Kind kind = Kind::kHead;
  int layer = 0;
  int head = 0;  // 0 for MLPs

  static Node Head(int layer, int head) { return {Kind::kHead, layer, head}; }
  static Node Mlp(int layer) { return {Kind::kMlp, layer, 0}; }
  bool is_head() const { return kind == Kind::kHead; }
  friend auto operator<=>(const Node&, const Node&) = default;
};

// "A7.11" or "M9".
std::string NodeName(const Node& node);

// The nodes that a circuit keeps: heads by layer and head, then MLPs by layer.
using NodeSet = std::set<Node>;

// Every head and MLP of a model.
NodeSet AllNodes(const ModelConfig& config);

// `nodes` but `node`, whether or not it is one of them.
NodeSet Without(NodeSet nodes, const Node& node);

int CountHeads(const NodeSet& nodes);
int CountMlps(const NodeSet& nodes);

}  // namespace circuitd
