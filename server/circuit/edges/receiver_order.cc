#include "server/circuit/edges/receiver_order.h"

#include "server/graph/edge_order.h"

namespace circuitd {

std::vector<int> ReceiversDown(const ModelConfig& config) {
  std::vector<int> ranks = {ReceiverRank(config, Node::Logits())};
  for (int layer = config.n_layers - 1; layer >= 0; --layer) {
    ranks.push_back(ReceiverRank(config, Node::Mlp(layer)));
    for (int head = config.n_heads - 1; head >= 0; --head) {
      for (const Node::Input input : {Node::Input::kV, Node::Input::kK, Node::Input::kQ}) {
        ranks.push_back(ReceiverRank(config, Node::Head(layer, head, input)));
      }
    }
  }
  return ranks;
}

}  // namespace circuitd
