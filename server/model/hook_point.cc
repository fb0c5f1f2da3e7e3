#include "server/model/hook_point.h"

#include <array>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace circuitd {
namespace {

struct Spelling {
  HookKind kind;
  const char* name;  // of a layer's hook points: without "blocks.{l}."
  bool in_layer;
};

constexpr std::array<Spelling, 22> kSpellings = {{
    {HookKind::kEmbed, "hook_embed", false},
    {HookKind::kPosEmbed, "hook_pos_embed", false},
    {HookKind::kResidPre, "hook_resid_pre", true},
    {HookKind::kLn1Scale, "ln1.hook_scale", true},
    {HookKind::kLn1Normalized, "ln1.hook_normalized", true},
    {HookKind::kQ, "attn.hook_q", true},
    {HookKind::kK, "attn.hook_k", true},
    {HookKind::kV, "attn.hook_v", true},
    {HookKind::kAttnScores, "attn.hook_attn_scores", true},
    {HookKind::kPattern, "attn.hook_pattern", true},
    {HookKind::kZ, "attn.hook_z", true},
    {HookKind::kResult, "attn.hook_result", true},
    {HookKind::kAttnOut, "hook_attn_out", true},
    {HookKind::kResidMid, "hook_resid_mid", true},
    {HookKind::kLn2Scale, "ln2.hook_scale", true},
    {HookKind::kLn2Normalized, "ln2.hook_normalized", true},
    {HookKind::kMlpPre, "mlp.hook_pre", true},
    {HookKind::kMlpPost, "mlp.hook_post", true},
    {HookKind::kMlpOut, "hook_mlp_out", true},
    {HookKind::kResidPost, "hook_resid_post", true},
    {HookKind::kLnFinalScale, "ln_final.hook_scale", false},
    {HookKind::kLnFinalNormalized, "ln_final.hook_normalized", false},
}};

absl::Status Unknown(absl::string_view name) {
  std::string known;
  for (const Spelling& s : kSpellings)
    absl::StrAppend(&known, known.empty() ? "" : ", ", s.in_layer ? "blocks.{l}." : "", s.name);
  return absl::InvalidArgumentError(absl::StrCat("'", name, "' is no hook point; they are ", known));
}

}  // namespace

std::string HookPointName(HookPoint point) {
  for (const Spelling& s : kSpellings) {
    if (s.kind == point.kind) return s.in_layer ? absl::StrCat("blocks.", point.layer, ".", s.name) : s.name;
  }
  return "";
}

absl::StatusOr<HookPoint> ParseHookPoint(absl::string_view name, int n_layers) {
  absl::string_view rest = name;
  const bool in_layer = absl::ConsumePrefix(&rest, "blocks.");
  int layer = -1;
  if (in_layer) {
    const size_t dot = rest.find('.');
    const absl::string_view digits = rest.substr(0, dot);
    // SimpleAtoi alone would take " 3" and "+3".
    if (dot == absl::string_view::npos || digits.empty() || digits.find_first_not_of("0123456789") != digits.npos ||
        !absl::SimpleAtoi(digits, &layer)) {
      return Unknown(name);
    }
    rest.remove_prefix(dot + 1);
  }
  for (const Spelling& s : kSpellings) {
    if (s.in_layer != in_layer || s.name != rest) continue;
    if (in_layer && layer >= n_layers) {
      return absl::InvalidArgumentError(
          absl::StrCat("layer ", layer, ", model has ", n_layers, " (0-", n_layers - 1, ")"));
    }
    return HookPoint{s.kind, layer};
  }
  return Unknown(name);
}

}  // namespace circuitd
