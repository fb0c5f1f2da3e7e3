#include "client/cli/intervention_text.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace circuitd::client {
namespace {

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

absl::StatusOr<v1::Ablation> ParseAblation(absl::string_view text) {
  if (text == "zero") return v1::ABLATION_ZERO;
  if (text == "mean") return v1::ABLATION_MEAN;
  if (text == "resample") return v1::ABLATION_RESAMPLE;
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not an ablation: zero, mean or resample"));
}

absl::Status ParseNode(absl::string_view text, v1::Intervention& out) {
  const bool head = !text.empty() && text.front() == 'A';
  const bool mlp = !text.empty() && text.front() == 'M';
  const std::vector<absl::string_view> parts = absl::StrSplit(text.substr(head || mlp ? 1 : 0), '.');
  uint32_t layer = 0;
  uint32_t index = 0;
  const bool all_heads = head && parts.size() == 2 && parts[1] == "*";
  const bool good = (head && parts.size() == 2 && absl::SimpleAtoi(parts[0], &layer) &&
                     (all_heads || absl::SimpleAtoi(parts[1], &index))) ||
                    (mlp && parts.size() == 1 && absl::SimpleAtoi(parts[0], &layer));
  if (!good) return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a node: A3.0, A3.* or M2"));
  out.set_hook(absl::StrCat("blocks.", layer, head ? ".attn.hook_z" : ".hook_mlp_out"));
  if (head && !all_heads) out.add_heads(index);
  return absl::OkStatus();
}

absl::Status ParsePositions(absl::string_view text, v1::Intervention& out) {
  ASSIGN_OR_RETURN(const std::vector<int32_t> positions, ParseIntegers<int32_t>(text));
  out.mutable_positions()->Add(positions.begin(), positions.end());
  return absl::OkStatus();
}

absl::StatusOr<v1::Intervention> ParseAblateParts(absl::string_view text) {
  const std::vector<absl::string_view> sides = absl::StrSplit(text, '=');
  if (sides.size() != 2) return absl::InvalidArgumentError("expected NODE[@POSITIONS]=ABLATION, as in A3.0@-1=mean");
  const std::vector<absl::string_view> where = absl::StrSplit(sides[0], absl::MaxSplits('@', 1));
  v1::Intervention out;
  RETURN_IF_ERROR(ParseNode(where[0], out));
  if (where.size() == 2) RETURN_IF_ERROR(ParsePositions(where[1], out));
  ASSIGN_OR_RETURN(const v1::Ablation ablation, ParseAblation(sides[1]));
  out.set_ablation(ablation);
  return out;
}

absl::StatusOr<v1::Intervention> ParseInterventionParts(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  v1::Intervention out;
  out.set_hook(std::string(parts[0]));
  for (size_t i = 1; i < parts.size(); ++i) {
    const std::vector<absl::string_view> pair = absl::StrSplit(parts[i], absl::MaxSplits('=', 1));
    if (pair.size() == 2 && pair[0] == "heads") {
      ASSIGN_OR_RETURN(const std::vector<uint32_t> heads, ParseIntegers<uint32_t>(pair[1]));
      out.mutable_heads()->Add(heads.begin(), heads.end());
    } else if (pair.size() == 2 && pair[0] == "positions") {
      RETURN_IF_ERROR(ParsePositions(pair[1], out));
    } else if (pair.size() == 2 && pair[0] == "ablation") {
      ASSIGN_OR_RETURN(const v1::Ablation ablation, ParseAblation(pair[1]));
      out.set_ablation(ablation);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("'", parts[i], "' is none of heads=..., positions=..., ablation=..."));
    }
  }
  if (out.ablation() == v1::ABLATION_UNSPECIFIED) {
    return absl::InvalidArgumentError("no ablation: end with :ablation=zero, mean or resample");
  }
  return out;
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

absl::StatusOr<v1::Intervention> ParseAblate(absl::string_view text) {
  absl::StatusOr<v1::Intervention> out = ParseAblateParts(text);
  if (!out.ok()) return WithFieldPrefix(absl::StrCat("--ablate ", text), out.status());
  return out;
}

absl::StatusOr<v1::Intervention> ParseIntervention(absl::string_view text) {
  absl::StatusOr<v1::Intervention> out = ParseInterventionParts(text);
  if (!out.ok()) return WithFieldPrefix(absl::StrCat("--intervention ", text), out.status());
  return out;
}

absl::StatusOr<std::vector<uint32_t>> ParseIds(absl::string_view text) {
  absl::StatusOr<std::vector<uint32_t>> ids = ParseIntegers<uint32_t>(text);
  if (!ids.ok()) return WithFieldPrefix(absl::StrCat("--ids ", text), ids.status());
  return ids;
}

}  // namespace circuitd::client
