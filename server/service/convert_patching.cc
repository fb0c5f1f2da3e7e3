#include "server/service/convert_patching.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "server/model/quote.h"
#include "server/service/convert.h"
#include "server/service/convert_prompts.h"
#include "server/service/enum_value.h"

namespace circuitd {
namespace {

// Longer lists have something twice.
absl::Status CheckLength(int length, int64_t most, absl::string_view field) {
  if (length <= most) return absl::OkStatus();
  return InvalidField(field, absl::StrCat(length, ", must be at most ", most));
}

absl::StatusOr<HookKind> SweptHook(const std::string& name, absl::string_view field) {
  std::vector<std::string> names;
  for (const HookKind hook : kSweptHooks) {
    names.push_back(HookKindName(hook));
    if (names.back() == name) return hook;
  }
  return InvalidField(field, absl::StrCat(QuoteName(name), ", must be one of ", absl::StrJoin(names, ", ")));
}

absl::StatusOr<PatchingDirection> FromProto(v1::PatchingDirection direction) {
  switch (direction) {
    case v1::PATCHING_DIRECTION_UNSPECIFIED:
    case v1::PATCHING_DIRECTION_DENOISING:
      return PatchingDirection::kDenoising;
    case v1::PATCHING_DIRECTION_NOISING:
      return PatchingDirection::kNoising;
    default:
      return NotAValue(direction, "direction");
  }
}

absl::StatusOr<PathFreeze> FromProto(v1::PathFreeze freeze) {
  switch (freeze) {
    case v1::PATH_FREEZE_UNSPECIFIED:
    case v1::PATH_FREEZE_ALL:
      return PathFreeze::kAll;
    case v1::PATH_FREEZE_HEADS:
      return PathFreeze::kHeads;
    default:
      return NotAValue(freeze, "freeze");
  }
}

absl::StatusOr<Metric> PatchingMetric(v1::Metric metric) {
  ASSIGN_OR_RETURN(const std::optional<Metric> given, circuitd::FromProto(metric, "metric"));
  return given.value_or(Metric::kLogitDiff);
}

absl::StatusOr<PathNode::Kind> KindOf(v1::NodeKind kind) {
  switch (kind) {
    case v1::NODE_KIND_ATTENTION_HEAD:
      return PathNode::Kind::kHead;
    case v1::NODE_KIND_MLP:
      return PathNode::Kind::kMlp;
    case v1::NODE_KIND_EMBED:
      return PathNode::Kind::kEmbed;
    case v1::NODE_KIND_LOGITS:
      return PathNode::Kind::kLogits;
    default:
      return NotAValue(kind, "kind");
  }
}

absl::StatusOr<PathNode::Input> InputOf(v1::HeadInput input) {
  switch (input) {
    case v1::HEAD_INPUT_UNSPECIFIED:
      return PathNode::Input::kNone;
    case v1::HEAD_INPUT_Q:
      return PathNode::Input::kQ;
    case v1::HEAD_INPUT_K:
      return PathNode::Input::kK;
    case v1::HEAD_INPUT_V:
      return PathNode::Input::kV;
    default:
      return NotAValue(input, "input");
  }
}

int ClampToInt(uint32_t number) {
  return static_cast<int>(std::min<uint32_t>(number, std::numeric_limits<int>::max()));
}

absl::StatusOr<PathNode> ConvertNode(const v1::Node& proto) {
  PathNode node;
  ASSIGN_OR_RETURN(node.kind, KindOf(proto.kind()));
  ASSIGN_OR_RETURN(node.input, InputOf(proto.input()));
  const bool head = node.kind == PathNode::Kind::kHead;
  if (!head && proto.head() != 0) return InvalidField("head", absl::StrCat(proto.head(), ", is for heads alone"));
  if (!head && node.input != PathNode::Input::kNone) return InvalidField("input", "is for heads alone");
  if (!head && node.kind != PathNode::Kind::kMlp && proto.layer() != 0) {
    return InvalidField("layer", absl::StrCat(proto.layer(), ", is for heads and MLPs alone"));
  }
  node.layer = ClampToInt(proto.layer());
  node.head = ClampToInt(proto.head());
  return node;
}

absl::StatusOr<std::vector<PathNode>> ConvertNodes(const google::protobuf::RepeatedPtrField<v1::Node>& protos,
                                                   absl::string_view field) {
  std::vector<PathNode> nodes;
  for (int i = 0; i < protos.size(); ++i) {
    absl::StatusOr<PathNode> node = ConvertNode(protos[i]);
    if (!node.ok()) return WithFieldPrefix(FieldAt(field, i), node.status());
    nodes.push_back(*std::move(node));
  }
  return nodes;
}

v1::NodeKind ToProto(PathNode::Kind kind) {
  switch (kind) {
    case PathNode::Kind::kEmbed:
      return v1::NODE_KIND_EMBED;
    case PathNode::Kind::kHead:
      return v1::NODE_KIND_ATTENTION_HEAD;
    case PathNode::Kind::kMlp:
      return v1::NODE_KIND_MLP;
    case PathNode::Kind::kLogits:
      return v1::NODE_KIND_LOGITS;
  }
  return v1::NODE_KIND_UNSPECIFIED;
}

v1::HeadInput ToProto(PathNode::Input input) {
  switch (input) {
    case PathNode::Input::kNone:
      return v1::HEAD_INPUT_UNSPECIFIED;
    case PathNode::Input::kQ:
      return v1::HEAD_INPUT_Q;
    case PathNode::Input::kK:
      return v1::HEAD_INPUT_K;
    case PathNode::Input::kV:
      return v1::HEAD_INPUT_V;
  }
  return v1::HEAD_INPUT_UNSPECIFIED;
}

}  // namespace

absl::StatusOr<SweepRequest> ConvertSweep(const v1::RunSweepRequest& proto, const ModelConfig& config) {
  SweepRequest request;
  RETURN_IF_ERROR(CheckLength(proto.hooks_size(), std::size(kSweptHooks), "hooks"));
  for (int i = 0; i < proto.hooks_size(); ++i) {
    ASSIGN_OR_RETURN(const HookKind hook, SweptHook(proto.hooks(i), FieldAt("hooks", i)));
    request.hooks.push_back(hook);
  }
  ASSIGN_OR_RETURN(request.direction, FromProto(proto.direction()));
  ASSIGN_OR_RETURN(request.metric, PatchingMetric(proto.metric()));
  RETURN_IF_ERROR(CheckLength(proto.layers_size(), config.n_layers, "layers"));
  request.layers = ConvertNumbers(proto.layers());
  RETURN_IF_ERROR(CheckLength(proto.positions_size(), int64_t{2} * config.n_ctx, "positions"));
  request.positions.assign(proto.positions().begin(), proto.positions().end());
  return request;
}

absl::StatusOr<PathPatchingRequest> ConvertPathPatching(const v1::RunPathPatchingRequest& proto,
                                                        const ModelConfig& config) {
  const int64_t heads = int64_t{config.n_layers} * config.n_heads;
  RETURN_IF_ERROR(CheckLength(proto.senders_size(), heads + config.n_layers + 1, "senders"));
  RETURN_IF_ERROR(CheckLength(proto.receivers_size(), 3 * heads + config.n_layers + 1, "receivers"));
  PathPatchingRequest request;
  ASSIGN_OR_RETURN(request.senders, ConvertNodes(proto.senders(), "senders"));
  ASSIGN_OR_RETURN(request.receivers, ConvertNodes(proto.receivers(), "receivers"));
  ASSIGN_OR_RETURN(request.freeze, FromProto(proto.freeze()));
  request.senders_together = proto.senders_together();
  ASSIGN_OR_RETURN(request.metric, PatchingMetric(proto.metric()));
  return request;
}

v1::SweepGrid ToProto(const SweepGrid& grid) {
  v1::SweepGrid proto;
  proto.set_hook(HookKindName(grid.hook));
  proto.mutable_layers()->Add(grid.layers.begin(), grid.layers.end());
  proto.mutable_columns()->Add(grid.columns.begin(), grid.columns.end());
  proto.set_columns_are_heads(AxesOf(grid.hook) != HookAxes::kPos);
  return proto;
}

v1::Node ToProto(const PathNode& node) {
  v1::Node proto;
  proto.set_kind(ToProto(node.kind));
  proto.set_layer(node.layer);
  proto.set_head(node.head);
  proto.set_input(ToProto(node.input));
  return proto;
}

v1::Path ToProto(const PathEffect& path) {
  v1::Path proto;
  if (path.sender) *proto.mutable_sender() = ToProto(*path.sender);
  *proto.mutable_receiver() = ToProto(path.receiver);
  return proto;
}

}  // namespace circuitd
