#include "client/cli/intervention_text.h"

#include <array>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "client/cli/node_text.h"
#include "client/cli/position_text.h"
#include "client/tensor_file.h"

namespace circuitd::client {
namespace {

absl::StatusOr<v1::Ablation> ParseAblation(absl::string_view text) {
  if (text == "zero") return v1::ABLATION_ZERO;
  if (text == "mean") return v1::ABLATION_MEAN;
  if (text == "resample") return v1::ABLATION_RESAMPLE;
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not an ablation: zero, mean or resample"));
}

absl::StatusOr<double> ParseNumber(absl::string_view text) {
  double value = 0;
  if (!absl::SimpleAtod(text, &value)) return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a number"));
  return value;
}

// The hook point, and for a head its number.
absl::Status SetNode(absl::string_view text, v1::Intervention& out) {
  uint32_t layer = 0;
  absl::string_view all_heads = text;
  if (absl::ConsumePrefix(&all_heads, "A") && absl::ConsumeSuffix(&all_heads, ".*") &&
      absl::SimpleAtoi(all_heads, &layer)) {
    out.set_hook(absl::StrCat("blocks.", layer, ".attn.hook_z"));
    return absl::OkStatus();
  }
  const absl::StatusOr<v1::Node> node = ParseNode(text);
  const bool head = node.ok() && node->kind() == v1::NODE_KIND_ATTENTION_HEAD && !node->input();
  if (!head && !(node.ok() && node->kind() == v1::NODE_KIND_MLP)) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a node: A3.0, A3.* or M2"));
  }
  out.set_hook(absl::StrCat("blocks.", node->layer(), head ? ".attn.hook_z" : ".hook_mlp_out"));
  if (head) out.add_heads(node->head());
  return absl::OkStatus();
}

absl::StatusOr<v1::Intervention> ParseAblateParts(absl::string_view text) {
  // A token may have an equals sign, an ablation has none.
  const size_t equals = text.rfind('=');
  if (equals == text.npos) return absl::InvalidArgumentError("expected NODE[@POSITIONS]=ABLATION, as in A3.0@-1=mean");
  const std::vector<absl::string_view> where = absl::StrSplit(text.substr(0, equals), absl::MaxSplits('@', 1));
  v1::Intervention out;
  RETURN_IF_ERROR(SetNode(where[0], out));
  if (where.size() == 2) {
    ASSIGN_OR_RETURN(*out.mutable_positions(), ParsePositions(where[1]));
  }
  ASSIGN_OR_RETURN(const v1::Ablation ablation, ParseAblation(text.substr(equals + 1)));
  out.set_ablation(ablation);
  return out;
}

// "FILE.safetensors#TENSOR".
absl::StatusOr<v1::Tensor> ParseTensor(absl::string_view text) {
  const size_t hash = text.rfind('#');
  if (hash == text.npos || hash == 0) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not FILE.safetensors#TENSOR"));
  }
  return ReadTensor(std::string(text.substr(0, hash)), std::string(text.substr(hash + 1)));
}

absl::Status SetAdd(absl::string_view text, v1::Intervention& out) {
  double coefficient = 1;
  const size_t star = text.rfind('*');
  if (star != text.npos && absl::SimpleAtod(text.substr(star + 1), &coefficient)) text = text.substr(0, star);
  ASSIGN_OR_RETURN(*out.mutable_add()->mutable_vector(), ParseTensor(text));
  out.mutable_add()->set_coefficient(coefficient);
  return absl::OkStatus();
}

absl::Status SetNoise(absl::string_view text, v1::Intervention& out) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ',');
  ASSIGN_OR_RETURN(const double deviation, ParseNumber(parts[0]));
  out.mutable_noise()->set_standard_deviation(deviation);
  if (parts.size() == 1) return absl::OkStatus();
  absl::string_view seed_text = parts[1];
  uint64_t seed = 0;
  if (parts.size() > 2 || !absl::ConsumePrefix(&seed_text, "seed=") || !absl::SimpleAtoi(seed_text, &seed)) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not STANDARD_DEVIATION[,seed=N]"));
  }
  out.mutable_noise()->set_seed(seed);
  return absl::OkStatus();
}

// One part after the hook.
absl::Status SetPart(absl::string_view key, absl::string_view value, v1::Intervention& out) {
  const bool is_action = key != "heads" && key != "positions" && key != "keys";
  if (is_action && out.action_case() != v1::Intervention::ACTION_NOT_SET) {
    return absl::InvalidArgumentError(absl::StrCat("a second action, '", key, "=", value, "'"));
  }
  if (key == "heads") {
    ASSIGN_OR_RETURN(const std::vector<uint32_t> heads, ParseIntegers<uint32_t>(value));
    out.mutable_heads()->Add(heads.begin(), heads.end());
  } else if (key == "positions") {
    ASSIGN_OR_RETURN(*out.mutable_positions(), ParsePositions(value));
  } else if (key == "keys") {
    ASSIGN_OR_RETURN(*out.mutable_key_positions(), ParsePositions(value));
  } else if (key == "ablation") {
    ASSIGN_OR_RETURN(const v1::Ablation ablation, ParseAblation(value));
    out.set_ablation(ablation);
  } else if (key == "scale") {
    ASSIGN_OR_RETURN(const double factor, ParseNumber(value));
    out.set_scale(factor);
  } else if (key == "noise") {
    return SetNoise(value, out);
  } else if (key == "add") {
    return SetAdd(value, out);
  } else {
    ASSIGN_OR_RETURN(*out.mutable_set(), ParseTensor(value));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Intervention> ParseInterventionParts(absl::string_view text) {
  constexpr std::array<absl::string_view, 8> kKeys = {"heads", "positions", "keys", "ablation",
                                                      "scale", "noise",     "add",  "set"};
  ASSIGN_OR_RETURN(const std::vector<absl::string_view> pieces, SplitOutsideQuotes(text, ':'));
  const auto key_of = [&](absl::string_view piece) {
    for (absl::string_view key : kKeys) {
      if (absl::StartsWith(piece, absl::StrCat(key, "="))) return key;
    }
    return absl::string_view();
  };
  v1::Intervention out;
  out.set_hook(std::string(pieces[0]));
  for (size_t i = 1; i < pieces.size();) {
    const absl::string_view key = key_of(pieces[i]);
    if (key.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", pieces[i],
          "' is none of heads=..., positions=..., keys=..., ablation=..., scale=..., noise=..., add=..., set=..."));
    }
    // Values have colons too: role:NAME, token:TEXT, a file's path.
    size_t end = i + 1;
    while (end < pieces.size() && key_of(pieces[end]).empty()) ++end;
    const char* value_begin = pieces[i].data() + key.size() + 1;
    const char* value_end = pieces[end - 1].data() + pieces[end - 1].size();
    const absl::string_view value(value_begin, static_cast<size_t>(value_end - value_begin));
    RETURN_IF_ERROR(SetPart(key, value, out));
    i = end;
  }
  if (out.action_case() == v1::Intervention::ACTION_NOT_SET) {
    return absl::InvalidArgumentError("no action: end with :ablation=..., scale=..., noise=..., add=... or set=...");
  }
  return out;
}

}  // namespace

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

}  // namespace circuitd::client
