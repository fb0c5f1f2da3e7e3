#include "server/patching/intervention_validation.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/index_validation.h"
#include "server/patching/intervention_tensor.h"

namespace circuitd {
namespace {

bool BelongsToLayer(HookKind kind) {
  return kind != HookKind::kEmbed && kind != HookKind::kPosEmbed && kind != HookKind::kLnFinalScale &&
         kind != HookKind::kLnFinalNormalized;
}

absl::Status ValidateLayer(const ModelConfig& config, HookPoint hook) {
  if (!BelongsToLayer(hook.kind)) {
    return hook.layer == -1 ? absl::OkStatus()
                            : InvalidField("hook", absl::StrCat(HookPointName(hook), " belongs to no layer"));
  }
  if (hook.layer >= 0 && hook.layer < config.n_layers) return absl::OkStatus();
  return InvalidField(
      "hook", absl::StrCat("layer ", hook.layer, ", model has ", config.n_layers, " (0-", config.n_layers - 1, ")"));
}

absl::Status ValidateHeads(const ModelConfig& config, const Intervention& intervention) {
  const std::vector<int>& heads = intervention.heads;
  if (!heads.empty() && AxesOf(intervention.hook.kind) == HookAxes::kPos) {
    return InvalidField("heads", absl::StrCat(HookPointName(intervention.hook), " has no heads"));
  }
  return ValidateIndices("heads", heads, config.n_heads);
}

absl::Status ValidateFinite(absl::string_view field, double value) {
  return std::isfinite(value) ? absl::OkStatus() : InvalidField(field, absl::StrCat(value, ", must be finite"));
}

// Checks an action without its slices.
struct ActionCheck {
  const HookKind kind;

  absl::Status operator()(Ablation) const { return absl::OkStatus(); }
  absl::Status operator()(const SetTo& set) const {
    return WithFieldPrefix("set", ValidateFloatTensor(set.value, kind == HookKind::kAttnScores));
  }
  absl::Status operator()(const AddVector& add) const {
    RETURN_IF_ERROR(ValidateFinite("add.coefficient", add.coefficient));
    return WithFieldPrefix("add.vector", ValidateFloatTensor(add.vector, /*minus_infinity=*/false));
  }
  absl::Status operator()(const ScaleBy& scale) const { return ValidateFinite("scale", scale.factor); }
  absl::Status operator()(const AddNoise& noise) const {
    RETURN_IF_ERROR(ValidateFinite("noise.standard_deviation", noise.standard_deviation));
    if (noise.standard_deviation >= 0) return absl::OkStatus();
    return InvalidField("noise.standard_deviation", absl::StrCat(noise.standard_deviation, ", must be at least 0"));
  }
};

}  // namespace

absl::Status ValidateIntervention(const ModelConfig& config, const Intervention& intervention) {
  RETURN_IF_ERROR(ValidateLayer(config, intervention.hook));
  RETURN_IF_ERROR(ValidateHeads(config, intervention));
  if (!intervention.key_positions.selects_all() && AxesOf(intervention.hook.kind) != HookAxes::kHeadsQueryKey) {
    return InvalidField("key_positions", absl::StrCat(HookPointName(intervention.hook), " has no keys"));
  }
  return std::visit(ActionCheck{intervention.hook.kind}, intervention.action);
}

}  // namespace circuitd
