#include "server/model/hook_point.h"

#include <array>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace circuitd {
namespace {

using Dimension = int ModelConfig::*;

struct KindTraits {
  HookKind kind;
  const char* name;  // of a layer's hook points: without "blocks.{l}."
  HookAxes axes;
  Dimension width;  // null: 1
};

constexpr Dimension kDModel = &ModelConfig::d_model, kDHead = &ModelConfig::d_head, kDMlp = &ModelConfig::d_mlp;

// In the order of HookKind.
constexpr std::array<KindTraits, 26> kKinds = {{
    {HookKind::kEmbed, "hook_embed", HookAxes::kPos, kDModel},
    {HookKind::kPosEmbed, "hook_pos_embed", HookAxes::kPos, kDModel},
    {HookKind::kResidPre, "hook_resid_pre", HookAxes::kPos, kDModel},
    {HookKind::kQInput, "hook_q_input", HookAxes::kPosHeads, kDModel},
    {HookKind::kKInput, "hook_k_input", HookAxes::kPosHeads, kDModel},
    {HookKind::kVInput, "hook_v_input", HookAxes::kPosHeads, kDModel},
    {HookKind::kLn1Scale, "ln1.hook_scale", HookAxes::kPos, nullptr},
    {HookKind::kLn1Normalized, "ln1.hook_normalized", HookAxes::kPos, kDModel},
    {HookKind::kQ, "attn.hook_q", HookAxes::kPosHeads, kDHead},
    {HookKind::kK, "attn.hook_k", HookAxes::kPosHeads, kDHead},
    {HookKind::kV, "attn.hook_v", HookAxes::kPosHeads, kDHead},
    {HookKind::kAttnScores, "attn.hook_attn_scores", HookAxes::kHeadsQueryKey, nullptr},
    {HookKind::kPattern, "attn.hook_pattern", HookAxes::kHeadsQueryKey, nullptr},
    {HookKind::kZ, "attn.hook_z", HookAxes::kPosHeads, kDHead},
    {HookKind::kResult, "attn.hook_result", HookAxes::kPosHeads, kDModel},
    {HookKind::kAttnOut, "hook_attn_out", HookAxes::kPos, kDModel},
    {HookKind::kResidMid, "hook_resid_mid", HookAxes::kPos, kDModel},
    {HookKind::kMlpIn, "hook_mlp_in", HookAxes::kPos, kDModel},
    {HookKind::kLn2Scale, "ln2.hook_scale", HookAxes::kPos, nullptr},
    {HookKind::kLn2Normalized, "ln2.hook_normalized", HookAxes::kPos, kDModel},
    {HookKind::kMlpPre, "mlp.hook_pre", HookAxes::kPos, kDMlp},
    {HookKind::kMlpPost, "mlp.hook_post", HookAxes::kPos, kDMlp},
    {HookKind::kMlpOut, "hook_mlp_out", HookAxes::kPos, kDModel},
    {HookKind::kResidPost, "hook_resid_post", HookAxes::kPos, kDModel},
    {HookKind::kLnFinalScale, "ln_final.hook_scale", HookAxes::kPos, nullptr},
    {HookKind::kLnFinalNormalized, "ln_final.hook_normalized", HookAxes::kPos, kDModel},
}};

constexpr bool AreInOrder() {
  for (size_t i = 0; i < kKinds.size(); ++i) {
    if (kKinds[i].kind != static_cast<HookKind>(i)) return false;
  }
  return true;
}
static_assert(AreInOrder());

const KindTraits& TraitsOf(HookKind kind) { return kKinds[static_cast<size_t>(kind)]; }

bool IsInLayer(HookKind kind) { return kind >= HookKind::kResidPre && kind <= HookKind::kResidPost; }

absl::Status Unknown(absl::string_view name, absl::string_view what) {
  std::string known;
  for (const KindTraits& k : kKinds) {
    absl::StrAppend(&known, known.empty() ? "" : ", ", IsInLayer(k.kind) ? "blocks.{l}." : "", k.name);
  }
  return absl::InvalidArgumentError(absl::StrCat("'", name, "' ", what, "; they are ", known));
}

// Every hook point, in forward order.
std::vector<HookPoint> AllHookPoints(int n_layers) {
  std::vector<HookPoint> points = {{HookKind::kEmbed}, {HookKind::kPosEmbed}};
  for (int layer = 0; layer < n_layers; ++layer) {
    for (const KindTraits& k : kKinds) {
      if (IsInLayer(k.kind)) points.push_back({k.kind, layer});
    }
  }
  points.insert(points.end(), {{HookKind::kLnFinalScale}, {HookKind::kLnFinalNormalized}});
  return points;
}

// Whether `name` is `pieces` (at least two) with anything in between. The leftmost place of a piece is as good as any
// later one, so that nothing is tried twice.
bool Matches(absl::string_view name, const std::vector<absl::string_view>& pieces) {
  if (!absl::ConsumePrefix(&name, pieces.front()) || !absl::ConsumeSuffix(&name, pieces.back())) return false;
  for (size_t i = 1; i + 1 < pieces.size(); ++i) {
    const size_t place = name.find(pieces[i]);
    if (place == absl::string_view::npos) return false;
    name.remove_prefix(place + pieces[i].size());
  }
  return true;
}

}  // namespace

HookAxes AxesOf(HookKind kind) { return TraitsOf(kind).axes; }

int WidthOf(HookKind kind, const ModelConfig& config) {
  const Dimension width = TraitsOf(kind).width;
  return width == nullptr ? 1 : config.*width;
}

std::string HookPointName(HookPoint point) {
  return IsInLayer(point.kind) ? absl::StrCat("blocks.", point.layer, ".", HookKindName(point.kind))
                               : HookKindName(point.kind);
}

std::string HookKindName(HookKind kind) { return TraitsOf(kind).name; }

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
      return Unknown(name, "is no hook point");
    }
    rest.remove_prefix(dot + 1);
  }
  for (const KindTraits& k : kKinds) {
    if (IsInLayer(k.kind) != in_layer || k.name != rest) continue;
    if (in_layer && layer >= n_layers) {
      return absl::InvalidArgumentError(
          absl::StrCat("layer ", layer, ", model has ", n_layers, " (0-", n_layers - 1, ")"));
    }
    return HookPoint{k.kind, layer};
  }
  return Unknown(name, "is no hook point");
}

absl::StatusOr<HookKind> ParseLayerHookKind(absl::string_view name) {
  for (const KindTraits& k : kKinds) {
    if (IsInLayer(k.kind) && k.name == name) return k.kind;
  }
  return Unknown(name, "is the end of no hook point's name");
}

absl::StatusOr<std::vector<HookPoint>> MatchHookPoints(absl::string_view pattern, int n_layers) {
  if (pattern.size() > kMaxHookPatternBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(pattern.size(), " bytes, a hook point's pattern has at most ", kMaxHookPatternBytes));
  }
  if (!absl::StrContains(pattern, '*')) {
    ASSIGN_OR_RETURN(const HookPoint point, ParseHookPoint(pattern, n_layers));
    return std::vector<HookPoint>{point};
  }
  const std::vector<absl::string_view> pieces = absl::StrSplit(pattern, '*');
  std::vector<HookPoint> matches;
  for (const HookPoint point : AllHookPoints(n_layers)) {
    if (Matches(HookPointName(point), pieces)) matches.push_back(point);
  }
  if (matches.empty()) return Unknown(pattern, absl::StrCat("matches no hook point of ", n_layers, " layers"));
  return matches;
}

}  // namespace circuitd
