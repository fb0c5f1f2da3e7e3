#include "server/graph/node.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace circuitd {

namespace {

const char* InputSuffix(Node::Input input) {
  switch (input) {
    case Node::Input::kQ:
      return ".q";
    case Node::Input::kK:
      return ".k";
    case Node::Input::kV:
      return ".v";
    case Node::Input::kNone:
      break;
  }
  return "";
}

}  // namespace

std::string NodeName(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kHead:
      return absl::StrCat("A", node.layer, ".", node.head, InputSuffix(node.input));
    case Node::Kind::kMlp:
      return absl::StrCat("M", node.layer);
    case Node::Kind::kEmbed:
      return "embed";
    case Node::Kind::kLogits:
      break;
  }
  return "logits";
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
