#include "server/service/convert_graph.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/service/convert_prompts.h"
#include "server/service/enum_value.h"

namespace circuitd {
namespace {

v1::NodeKind ToProto(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kEmbed:
      return v1::NODE_KIND_EMBED;
    case Node::Kind::kHead:
      return v1::NODE_KIND_ATTENTION_HEAD;
    case Node::Kind::kMlp:
      return v1::NODE_KIND_MLP;
    case Node::Kind::kLogits:
      return v1::NODE_KIND_LOGITS;
  }
  return v1::NODE_KIND_UNSPECIFIED;
}

v1::HeadInput ToProto(Node::Input input) {
  switch (input) {
    case Node::Input::kNone:
      return v1::HEAD_INPUT_UNSPECIFIED;
    case Node::Input::kQ:
      return v1::HEAD_INPUT_Q;
    case Node::Input::kK:
      return v1::HEAD_INPUT_K;
    case Node::Input::kV:
      return v1::HEAD_INPUT_V;
  }
  return v1::HEAD_INPUT_UNSPECIFIED;
}

absl::StatusOr<Node::Kind> KindOf(v1::NodeKind kind) {
  switch (kind) {
    case v1::NODE_KIND_ATTENTION_HEAD:
      return Node::Kind::kHead;
    case v1::NODE_KIND_MLP:
      return Node::Kind::kMlp;
    case v1::NODE_KIND_EMBED:
      return Node::Kind::kEmbed;
    case v1::NODE_KIND_LOGITS:
      return Node::Kind::kLogits;
    default:
      return NotAValue(kind, "kind");
  }
}

absl::StatusOr<Node::Input> InputOf(v1::HeadInput input) {
  switch (input) {
    case v1::HEAD_INPUT_UNSPECIFIED:
      return Node::Input::kNone;
    case v1::HEAD_INPUT_Q:
      return Node::Input::kQ;
    case v1::HEAD_INPUT_K:
      return Node::Input::kK;
    case v1::HEAD_INPUT_V:
      return Node::Input::kV;
    default:
      return NotAValue(input, "input");
  }
}

int ClampToInt(uint32_t number) {
  return static_cast<int>(std::min<uint32_t>(number, std::numeric_limits<int>::max()));
}

}  // namespace

absl::StatusOr<Node> FromProto(const v1::Node& proto) {
  Node node;
  ASSIGN_OR_RETURN(node.kind, KindOf(proto.kind()));
  ASSIGN_OR_RETURN(node.input, InputOf(proto.input()));
  const bool head = node.kind == Node::Kind::kHead;
  if (!head && proto.head() != 0) return InvalidField("head", absl::StrCat(proto.head(), ", is for heads alone"));
  if (!head && node.input != Node::Input::kNone) return InvalidField("input", "is for heads alone");
  if (!head && node.kind != Node::Kind::kMlp && proto.layer() != 0) {
    return InvalidField("layer", absl::StrCat(proto.layer(), ", is for heads and MLPs alone"));
  }
  node.layer = ClampToInt(proto.layer());
  node.head = ClampToInt(proto.head());
  return node;
}

absl::StatusOr<std::vector<Node>> FromProto(const google::protobuf::RepeatedPtrField<v1::Node>& protos,
                                            absl::string_view field) {
  std::vector<Node> nodes;
  for (int i = 0; i < protos.size(); ++i) {
    absl::StatusOr<Node> node = FromProto(protos[i]);
    if (!node.ok()) return WithFieldPrefix(FieldAt(field, i), node.status());
    nodes.push_back(*std::move(node));
  }
  return nodes;
}

v1::Node ToProto(const Node& node) {
  v1::Node proto;
  proto.set_kind(ToProto(node.kind));
  proto.set_layer(node.layer);
  proto.set_head(node.head);
  proto.set_input(ToProto(node.input));
  return proto;
}

}  // namespace circuitd
