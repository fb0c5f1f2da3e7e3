#include "server/graph/edge_order.h"

namespace circuitd {
namespace {

using Kind = Node::Kind;
using Input = Node::Input;

// Receivers of a layer.
int PerLayer(const ModelConfig& config) { return 3 * config.n_heads + 1; }

}  // namespace

int SenderCount(const ModelConfig& config) { return 1 + config.n_layers * (config.n_heads + 1); }

int SenderRank(const ModelConfig& config, const Node& sender) {
  if (sender.kind == Kind::kEmbed) return 0;
  const int in_layer = sender.is_head() ? sender.head : config.n_heads;
  return 1 + sender.layer * (config.n_heads + 1) + in_layer;
}

Node SenderOfRank(const ModelConfig& config, int rank) {
  if (rank == 0) return Node::Embed();
  const int layer = (rank - 1) / (config.n_heads + 1), in_layer = (rank - 1) % (config.n_heads + 1);
  return in_layer == config.n_heads ? Node::Mlp(layer) : Node::Head(layer, in_layer);
}

int ReceiverCount(const ModelConfig& config) { return config.n_layers * PerLayer(config) + 1; }

int ReceiverRank(const ModelConfig& config, const Node& receiver) {
  if (receiver.kind == Kind::kLogits) return config.n_layers * PerLayer(config);
  const int begin = receiver.layer * PerLayer(config);
  if (receiver.is_mlp()) return begin + 3 * config.n_heads;
  const int input = static_cast<int>(receiver.input) - static_cast<int>(Input::kQ);
  return begin + input * config.n_heads + receiver.head;
}

Node ReceiverOfRank(const ModelConfig& config, int rank) {
  const int layer = rank / PerLayer(config), in_layer = rank % PerLayer(config);
  if (layer == config.n_layers) return Node::Logits();
  if (in_layer == 3 * config.n_heads) return Node::Mlp(layer);
  constexpr Input kInputs[] = {Input::kQ, Input::kK, Input::kV};
  return Node::Head(layer, in_layer % config.n_heads, kInputs[in_layer / config.n_heads]);
}

Node NodeOfReceiver(Node receiver) {
  receiver.input = Input::kNone;
  return receiver;
}

int SendersBelow(const ModelConfig& config, const Node& receiver) {
  if (receiver.kind == Kind::kLogits) return SenderCount(config);
  const int in_layer = receiver.is_mlp() ? config.n_heads : 0;
  return 1 + receiver.layer * (config.n_heads + 1) + in_layer;
}

int64_t EdgeCount(const ModelConfig& config) {
  int64_t edges = 0;
  for (int rank = 0; rank < ReceiverCount(config); ++rank) edges += SendersBelow(config, ReceiverOfRank(config, rank));
  return edges;
}

}  // namespace circuitd
