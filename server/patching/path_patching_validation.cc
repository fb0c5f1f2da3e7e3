#include <algorithm>
#include <set>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/graph/edge_order.h"
#include "server/graph/node_validation.h"
#include "server/patching/pair_validation.h"
#include "server/patching/path_patching.h"

namespace circuitd {
namespace {

using Kind = Node::Kind;
using Input = Node::Input;

constexpr uint64_t kMaxPaths = 1'000'000;

// What tells nodes apart: a layer of embed, or a head of an MLP, means nothing.
std::tuple<Kind, int, int, Input> Identity(const Node& node) {
  const bool in_layer = node.kind == Kind::kHead || node.kind == Kind::kMlp;
  return {node.kind, in_layer ? node.layer : 0, node.kind == Kind::kHead ? node.head : 0, node.input};
}

absl::Status ValidateNodes(const ModelConfig& config, const char* field, const std::vector<Node>& nodes,
                           absl::Status (*validate)(const ModelConfig&, const Node&)) {
  std::set<std::tuple<Kind, int, int, Input>> seen;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const std::string name = absl::StrCat(field, "[", i, "]");
    RETURN_IF_ERROR(WithFieldPrefix(name, validate(config, nodes[i])));
    if (!seen.insert(Identity(nodes[i])).second) {
      return InvalidField(name, absl::StrCat(NodeName(nodes[i]), " is there twice"));
    }
  }
  return absl::OkStatus();
}

// Every sender is below every receiver if all are below the lowest one.
absl::Status ValidateOrder(const ModelConfig& config, const PathPatchingRequest& request) {
  const auto lowest = std::min_element(
      request.receivers.begin(), request.receivers.end(),
      [&config](const Node& a, const Node& b) { return SendersBelow(config, a) < SendersBelow(config, b); });
  for (size_t i = 0; i < request.senders.size(); ++i) {
    if (SenderRank(config, request.senders[i]) < SendersBelow(config, *lowest)) continue;
    return InvalidField(absl::StrCat("senders[", i, "]"),
                        absl::StrCat(NodeName(request.senders[i]), " is not below receivers[",
                                     lowest - request.receivers.begin(), "], ", NodeName(*lowest)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidatePathPatching(const ModelConfig& config, const PathPatchingRequest& request) {
  if (request.receivers.empty()) return InvalidField("receivers", "none, at least 1 is needed");
  RETURN_IF_ERROR(ValidateNodes(config, "receivers", request.receivers, ValidateReceiver));
  RETURN_IF_ERROR(ValidateNodes(config, "senders", request.senders, ValidateSender));
  RETURN_IF_ERROR(ValidateOrder(config, request));
  const uint64_t paths = PathPatchingRuns(config, request);
  if (paths > kMaxPaths) {
    return InvalidField("receivers", absl::StrCat(paths, " paths, must be at most ", kMaxPaths));
  }
  RETURN_IF_ERROR(ValidatePairs(config, request.pairs, request.metric));
  return ValidateValueCount("receivers", paths, request.pairs);
}

uint64_t PathPatchingRuns(const ModelConfig& config, const PathPatchingRequest& request) {
  const uint64_t receivers = request.receivers.size();
  if (request.senders_together) return receivers;
  if (!request.senders.empty()) return receivers * request.senders.size();
  uint64_t runs = 0;
  for (const Node& receiver : request.receivers) runs += SendersBelow(config, receiver);
  return runs;
}

}  // namespace circuitd
