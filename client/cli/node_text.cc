#include "client/cli/node_text.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace circuitd::client {
namespace {

absl::Status NotANode(absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a node: A3.0, A3.0.q, M2, embed or logits"));
}

}  // namespace

std::string NodeName(const v1::Node& node) {
  switch (node.kind()) {
    case v1::NODE_KIND_ATTENTION_HEAD: {
      const char* input = node.input() == v1::HEAD_INPUT_Q   ? ".q"
                          : node.input() == v1::HEAD_INPUT_K ? ".k"
                          : node.input() == v1::HEAD_INPUT_V ? ".v"
                                                             : "";
      return absl::StrCat("A", node.layer(), ".", node.head(), input);
    }
    case v1::NODE_KIND_MLP:
      return absl::StrCat("M", node.layer());
    case v1::NODE_KIND_EMBED:
      return "embed";
    case v1::NODE_KIND_LOGITS:
      return "logits";
    default:
      return "?";
  }
}

std::string EdgeName(const v1::Edge& edge) {
  return absl::StrCat(NodeName(edge.sender()), "->", NodeName(edge.receiver()));
}

absl::StatusOr<v1::Node> ParseNode(absl::string_view text) {
  v1::Node node;
  uint32_t layer = 0;
  uint32_t head = 0;
  if (text == "embed") {
    node.set_kind(v1::NODE_KIND_EMBED);
    return node;
  }
  if (text == "logits") {
    node.set_kind(v1::NODE_KIND_LOGITS);
    return node;
  }
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "M")) {
    if (!absl::SimpleAtoi(rest, &layer)) return NotANode(text);
    node.set_kind(v1::NODE_KIND_MLP);
    node.set_layer(layer);
    return node;
  }
  if (!absl::ConsumePrefix(&rest, "A")) return NotANode(text);
  const std::vector<absl::string_view> parts = absl::StrSplit(rest, '.');
  if (parts.size() < 2 || parts.size() > 3 || !absl::SimpleAtoi(parts[0], &layer) ||
      !absl::SimpleAtoi(parts[1], &head)) {
    return NotANode(text);
  }
  node.set_kind(v1::NODE_KIND_ATTENTION_HEAD);
  node.set_layer(layer);
  node.set_head(head);
  if (parts.size() == 3) {
    if (parts[2] != "q" && parts[2] != "k" && parts[2] != "v") return NotANode(text);
    node.set_input(parts[2] == "q" ? v1::HEAD_INPUT_Q : parts[2] == "k" ? v1::HEAD_INPUT_K : v1::HEAD_INPUT_V);
  }
  return node;
}

absl::StatusOr<std::pair<uint32_t, uint32_t>> ParseHead(absl::string_view text) {
  absl::string_view rest = text;
  absl::ConsumePrefix(&rest, "A");
  const std::vector<absl::string_view> parts = absl::StrSplit(rest, '.');
  uint32_t layer = 0;
  uint32_t head = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &layer) || !absl::SimpleAtoi(parts[1], &head)) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a head: 3.0 is head 0 of layer 3"));
  }
  return std::pair(layer, head);
}

template <typename Integer>
absl::StatusOr<std::vector<Integer>> ParseIntegers(absl::string_view text) {
  std::vector<Integer> values;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    Integer value;
    if (!absl::SimpleAtoi(part, &value)) {
      return absl::InvalidArgumentError(absl::StrCat("'", part, "' is not a whole number in range"));
    }
    values.push_back(value);
  }
  return values;
}

template absl::StatusOr<std::vector<uint32_t>> ParseIntegers(absl::string_view text);
template absl::StatusOr<std::vector<int32_t>> ParseIntegers(absl::string_view text);

absl::StatusOr<std::vector<uint32_t>> ParseIds(absl::string_view text) {
  absl::StatusOr<std::vector<uint32_t>> ids = ParseIntegers<uint32_t>(text);
  if (!ids.ok()) return WithFieldPrefix(absl::StrCat("--ids ", text), ids.status());
  return ids;
}

}  // namespace circuitd::client
