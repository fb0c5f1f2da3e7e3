#include "server/circuit/node.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace circuitd {

std::string NodeName(const Node& node) {
  return node.is_head() ? absl::StrCat("A", node.layer, ".", node.head) : absl::StrCat("M", node.layer);
}

NodeSet AllNodes(const ModelConfig& config) {
  NodeSet nodes;
  for (int layer = 0; layer < config.n_layers; ++layer) {
    for (int head = 0; head < config.n_heads; ++head) nodes.insert(Node::Head(layer, head));
    nodes.insert(Node::Mlp(layer));
  }
  return nodes;
}

NodeSet Without(NodeSet nodes, const Node& node) {
  nodes.erase(node);
  return nodes;
}

int CountHeads(const NodeSet& nodes) {
  return static_cast<int>(std::count_if(nodes.begin(), nodes.end(), [](const Node& n) { return n.is_head(); }));
}

int CountMlps(const NodeSet& nodes) { return static_cast<int>(nodes.size()) - CountHeads(nodes); }

}  // namespace circuitd
