// Hook points: the activations of a forward pass, spelt as TransformerLens spells them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/config.h"

namespace circuitd {

// In forward order. Shapes: B batch, T pos, H n_heads, D d_model, F d_mlp, d d_head.
enum class HookKind {
  kEmbed,              // hook_embed                     [B, T, D]
  kPosEmbed,           // hook_pos_embed                 [B, T, D]
  kResidPre,           // blocks.{l}.hook_resid_pre      [B, T, D]
  kQInput,             // blocks.{l}.hook_q_input        [B, T, H, D]  what each head's q is made of, before ln1
  kKInput,             // blocks.{l}.hook_k_input        [B, T, H, D]
  kVInput,             // blocks.{l}.hook_v_input        [B, T, H, D]
  kLn1Scale,           // blocks.{l}.ln1.hook_scale      [B, T, 1]
  kLn1Normalized,      // blocks.{l}.ln1.hook_normalized [B, T, D]  after weight and bias
  kQ,                  // blocks.{l}.attn.hook_q         [B, T, H, d]
  kK,                  // blocks.{l}.attn.hook_k         [B, T, H, d]
  kV,                  // blocks.{l}.attn.hook_v         [B, T, H, d]
  kAttnScores,         // blocks.{l}.attn.hook_attn_scores [B, H, T, T]  masked ones are -inf
  kPattern,            // blocks.{l}.attn.hook_pattern   [B, H, T, T]
  kZ,                  // blocks.{l}.attn.hook_z         [B, T, H, d]
  kResult,             // blocks.{l}.attn.hook_result    [B, T, H, D]  sums over heads to attn_out - b_O
  kAttnOut,            // blocks.{l}.hook_attn_out       [B, T, D]
  kResidMid,           // blocks.{l}.hook_resid_mid      [B, T, D]
  kMlpIn,              // blocks.{l}.hook_mlp_in         [B, T, D]  before ln2
  kLn2Scale,           // blocks.{l}.ln2.hook_scale      [B, T, 1]
  kLn2Normalized,      // blocks.{l}.ln2.hook_normalized [B, T, D]  after weight and bias
  kMlpPre,             // blocks.{l}.mlp.hook_pre        [B, T, F]
  kMlpPost,            // blocks.{l}.mlp.hook_post       [B, T, F]
  kMlpOut,             // blocks.{l}.hook_mlp_out        [B, T, D]
  kResidPost,          // blocks.{l}.hook_resid_post     [B, T, D]
  kLnFinalScale,       // ln_final.hook_scale        [B, T, 1]
  kLnFinalNormalized,  // ln_final.hook_normalized   [B, T, D]  after weight and bias
};

struct HookPoint {
  HookKind kind;
  int layer = -1;  // -1 for the kinds that belong to no layer

  friend bool operator==(const HookPoint&, const HookPoint&) = default;
};

// The axes of a hook point's value, without the batch's.
enum class HookAxes {
  kPos,           // [pos, width]
  kPosHeads,      // [pos, n_heads, width]
  kHeadsQueryKey  // [n_heads, query, key]
};
HookAxes AxesOf(HookKind kind);
// The length of the last axis of kPos and kPosHeads: d_model, d_head, d_mlp or 1.
int WidthOf(HookKind kind, const ModelConfig& config);

// "blocks.3.attn.hook_z".
std::string HookPointName(HookPoint point);
// "attn.hook_z": without the layer.
std::string HookKindName(HookKind kind);

// INVALID_ARGUMENT if `name` is no hook point's, or its layer is not below `n_layers`; the message says which are.
absl::StatusOr<HookPoint> ParseHookPoint(absl::string_view name, int n_layers);

// The kind of a layer's hook points, of "attn.hook_z". INVALID_ARGUMENT if there is none of that name.
absl::StatusOr<HookKind> ParseLayerHookKind(absl::string_view name);

inline constexpr size_t kMaxHookPatternBytes = 256;

// The hook points, in forward order, whose names match: `pattern` is a name, or a glob in which * stands for any
// characters ("blocks.*.attn.hook_pattern"). INVALID_ARGUMENT if there are none, or if it is too long.
absl::StatusOr<std::vector<HookPoint>> MatchHookPoints(absl::string_view pattern, int n_layers);

}  // namespace circuitd
