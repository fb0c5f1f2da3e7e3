#include "server/graph/node_validation.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace circuitd {
namespace {

using Kind = Node::Kind;
using Input = Node::Input;

absl::Status ValidateIndex(const char* field, int value, int count) {
  if (value >= 0 && value < count) return absl::OkStatus();
  return InvalidField(field, absl::StrCat(value, ", model has ", count, " (0-", count - 1, ")"));
}

absl::Status ValidateIndices(const ModelConfig& config, const Node& node) {
  if (node.is_head() || node.is_mlp()) RETURN_IF_ERROR(ValidateIndex("layer", node.layer, config.n_layers));
  return node.is_head() ? ValidateIndex("head", node.head, config.n_heads) : absl::OkStatus();
}

}  // namespace

absl::Status ValidateSender(const ModelConfig& config, const Node& sender) {
  if (sender.kind == Kind::kLogits) return InvalidField("kind", "logits are a receiver; embed, heads and MLPs send");
  if (sender.input != Input::kNone) return InvalidField("input", "a sender has none");
  return ValidateIndices(config, sender);
}

absl::Status ValidateReceiver(const ModelConfig& config, const Node& receiver) {
  if (receiver.kind == Kind::kEmbed) return InvalidField("kind", "embed is a sender; heads, MLPs and logits receive");
  if (receiver.is_head() && receiver.input == Input::kNone) {
    return InvalidField("input", "none, a head receives by q, k or v");
  }
  if (!receiver.is_head() && receiver.input != Input::kNone) return InvalidField("input", "only heads have one");
  return ValidateIndices(config, receiver);
}

}  // namespace circuitd
