#include "server/patching/path_order.h"

#include <numeric>

#include "absl/strings/str_cat.h"

namespace circuitd {
namespace {

using Kind = PathNode::Kind;
using Input = PathNode::Input;

const char* InputSuffix(Input input) {
  switch (input) {
    case Input::kQ:
      return ".q";
    case Input::kK:
      return ".k";
    case Input::kV:
      return ".v";
    case Input::kNone:
      break;
  }
  return "";
}

}  // namespace

std::string PathNodeName(const PathNode& node) {
  switch (node.kind) {
    case Kind::kEmbed:
      return "embed";
    case Kind::kHead:
      return absl::StrCat("A", node.layer, ".", node.head, InputSuffix(node.input));
    case Kind::kMlp:
      return absl::StrCat("M", node.layer);
    case Kind::kLogits:
      break;
  }
  return "logits";
}

int SenderRank(const ModelConfig& config, const PathNode& sender) {
  if (sender.kind == Kind::kEmbed) return 0;
  const int in_layer = sender.kind == Kind::kHead ? sender.head : config.n_heads;
  return 1 + sender.layer * (config.n_heads + 1) + in_layer;
}

PathNode SenderOfRank(const ModelConfig& config, int rank) {
  if (rank == 0) return {Kind::kEmbed, 0, 0, Input::kNone};
  const int layer = (rank - 1) / (config.n_heads + 1), in_layer = (rank - 1) % (config.n_heads + 1);
  if (in_layer == config.n_heads) return {Kind::kMlp, layer, 0, Input::kNone};
  return {Kind::kHead, layer, in_layer, Input::kNone};
}

int SendersBelow(const ModelConfig& config, const PathNode& receiver) {
  if (receiver.kind == Kind::kLogits) return 1 + config.n_layers * (config.n_heads + 1);
  const int in_layer = receiver.kind == Kind::kMlp ? config.n_heads : 0;
  return 1 + receiver.layer * (config.n_heads + 1) + in_layer;
}

std::vector<int> SenderRanks(const ModelConfig& config, const PathPatchingRequest& request, const PathNode& receiver) {
  std::vector<int> ranks;
  if (request.senders.empty()) {
    ranks.resize(SendersBelow(config, receiver));
    std::iota(ranks.begin(), ranks.end(), 0);
  }
  for (const PathNode& sender : request.senders) ranks.push_back(SenderRank(config, sender));
  return ranks;
}

}  // namespace circuitd
