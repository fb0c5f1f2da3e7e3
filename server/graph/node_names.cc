#include "server/graph/node_names.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace circuitd {
namespace {

using Input = Node::Input;

// Takes a number without a sign or leading zeros off the front of `text`; of at most six digits, more than models have.
bool ConsumeIndex(absl::string_view* text, int* index) {
  size_t digits = 0;
  *index = 0;
  while (digits < text->size() && (*text)[digits] >= '0' && (*text)[digits] <= '9') {
    if (digits == 6) return false;
    *index = 10 * *index + ((*text)[digits++] - '0');
  }
  if (digits == 0 || (digits > 1 && text->front() == '0')) return false;
  text->remove_prefix(digits);
  return true;
}

std::optional<Input> InputOfLetter(absl::string_view letter) {
  if (letter == "q") return Input::kQ;
  if (letter == "k") return Input::kK;
  if (letter == "v") return Input::kV;
  return std::nullopt;
}

std::optional<Node> Mlp(absl::string_view index) {
  Node node = Node::Mlp(0);
  if (!ConsumeIndex(&index, &node.layer) || !index.empty()) return std::nullopt;
  return node;
}

}  // namespace

std::optional<Node> ParseNodeName(absl::string_view name) {
  if (name == "embed") return Node::Embed();
  if (name == "logits") return Node::Logits();
  if (absl::ConsumePrefix(&name, "M")) return Mlp(name);
  Node node;
  if (!absl::ConsumePrefix(&name, "A") || !ConsumeIndex(&name, &node.layer) || !absl::ConsumePrefix(&name, ".") ||
      !ConsumeIndex(&name, &node.head)) {
    return std::nullopt;
  }
  if (name.empty()) return node;
  const std::optional<Input> input = absl::ConsumePrefix(&name, ".") ? InputOfLetter(name) : std::nullopt;
  if (!input) return std::nullopt;
  node.input = *input;
  return node;
}

std::string EapNodeName(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kHead: {
      constexpr const char* kInputs[] = {"", "<q>", "<k>", "<v>"};
      return absl::StrCat("a", node.layer, ".h", node.head, kInputs[static_cast<int>(node.input)]);
    }
    case Node::Kind::kMlp:
      return absl::StrCat("m", node.layer);
    case Node::Kind::kEmbed:
      return "input";
    case Node::Kind::kLogits:
      break;
  }
  return "logits";
}

std::optional<Node> ParseEapNodeName(absl::string_view name) {
  if (name == "input") return Node::Embed();
  if (name == "logits") return Node::Logits();
  if (absl::ConsumePrefix(&name, "m")) return Mlp(name);
  Node node;
  if (!absl::ConsumePrefix(&name, "a") || !ConsumeIndex(&name, &node.layer) || !absl::ConsumePrefix(&name, ".h") ||
      !ConsumeIndex(&name, &node.head)) {
    return std::nullopt;
  }
  if (name.empty()) return node;
  const bool bracketed = absl::ConsumePrefix(&name, "<") && absl::ConsumeSuffix(&name, ">");
  const std::optional<Input> input = bracketed ? InputOfLetter(name) : std::nullopt;
  if (!input) return std::nullopt;
  node.input = *input;
  return node;
}

std::string EapEdgeName(const Edge& edge) {
  return absl::StrCat(EapNodeName(edge.sender), "->", EapNodeName(edge.receiver));
}

std::optional<Edge> ParseEapEdgeName(absl::string_view name) {
  const size_t arrow = name.find("->");
  if (arrow == absl::string_view::npos) return std::nullopt;
  const std::optional<Node> sender = ParseEapNodeName(name.substr(0, arrow));
  const std::optional<Node> receiver = ParseEapNodeName(name.substr(arrow + 2));
  if (!sender || !receiver) return std::nullopt;
  return Edge{*sender, *receiver};
}

}  // namespace circuitd
