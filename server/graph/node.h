// Nodes of a model's computational graph as plain values, and sets of them.
#pragma once

#include <compare>
#include <set>
#include <string>

#include "server/model/config.h"

namespace circuitd {

// What writes to the residual stream or reads it. Senders: kEmbed (token plus position), kHead (its attn.hook_z, or
// what W_O makes of it), kMlp (its hook_mlp_out). Receivers, each before its LayerNorm: kHead with its input, kMlp,
// kLogits. Nodes of a node circuit: heads, without an input, and MLPs.
struct Node {
  enum class Kind { kHead, kMlp, kEmbed, kLogits };
  enum class Input { kNone, kQ, kK, kV };
  Kind kind = Kind::kHead;
  int layer = 0;  // of kHead and kMlp
  int head = 0;   // of kHead
  Input input = Input::kNone;

  static Node Head(int layer, int head, Input input = Input::kNone) { return {Kind::kHead, layer, head, input}; }
  static Node Mlp(int layer) { return {Kind::kMlp, layer, 0, Input::kNone}; }
  static Node Embed() { return {Kind::kEmbed, 0, 0, Input::kNone}; }
  static Node Logits() { return {Kind::kLogits, 0, 0, Input::kNone}; }
  bool is_head() const { return kind == Kind::kHead; }
  bool is_mlp() const { return kind == Kind::kMlp; }
  friend auto operator<=>(const Node&, const Node&) = default;
};

// "A7.11", as a receiver "A7.11.q"; "M9", "embed", "logits".
std::string NodeName(const Node& node);

// The heads and MLPs that a circuit keeps: heads by layer and head, then MLPs by layer.
using NodeSet = std::set<Node>;

// Every head and MLP of a model.
NodeSet AllNodes(const ModelConfig& config);

// `nodes` but `node`, whether or not it is one of them.
NodeSet Without(NodeSet nodes, const Node& node);

int CountHeads(const NodeSet& nodes);
int CountMlps(const NodeSet& nodes);

}  // namespace circuitd
