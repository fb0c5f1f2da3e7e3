#include "server/patching/intervention_selection.h"

#include <utility>

#include "base/status.h"
#include "server/model/index_validation.h"

namespace circuitd {
namespace {

bool IsAttention(const Intervention& intervention) {
  return AxesOf(intervention.hook.kind) == HookAxes::kHeadsQueryKey;
}

absl::StatusOr<std::vector<int>> Choose(const PositionSelector& selector, const std::vector<int>& prompt,
                                        const PromptRoles& roles, absl::string_view prompt_name,
                                        absl::string_view field) {
  auto positions = SelectPositions(selector, prompt, roles, prompt_name);
  if (!positions.ok()) return WithFieldPrefix(field, positions.status());
  return positions;
}

// In steps of about a nanosecond.
int64_t ChoosingSteps(const PositionSelector& selector, size_t prompt_length) {
  constexpr size_t kCall = 64, kFilledAtOnce = 64, kSorted = 8;
  if (selector.selects_all()) return static_cast<int64_t>(prompt_length / kFilledAtOnce + kCall);
  if (selector.depends_on_length_only()) return static_cast<int64_t>(prompt_length + selector.indices.size() + kCall);
  const size_t entries = selector.indices.size() + selector.tokens.size() + selector.roles.size();
  return static_cast<int64_t>(kSorted * (prompt_length + entries) + kCall);
}

}  // namespace

absl::StatusOr<ChosenPositions> ChoosePositions(const Intervention& intervention, const std::vector<int>& prompt,
                                                const PromptRoles& roles, absl::string_view prompt_name) {
  ChosenPositions chosen;
  ASSIGN_OR_RETURN(chosen.positions, Choose(intervention.positions, prompt, roles, prompt_name, "positions"));
  if (IsAttention(intervention)) {
    ASSIGN_OR_RETURN(chosen.keys, Choose(intervention.key_positions, prompt, roles, prompt_name, "key_positions"));
  }
  return chosen;
}

bool ChoosesByLengthOnly(const Intervention& intervention) {
  return intervention.positions.depends_on_length_only() && intervention.key_positions.depends_on_length_only();
}

int64_t ChoosingSteps(const Intervention& intervention, size_t prompt_length) {
  return ChoosingSteps(intervention.positions, prompt_length) +
         (IsAttention(intervention) ? ChoosingSteps(intervention.key_positions, prompt_length) : 0);
}

std::vector<int> ChosenHeads(const ModelConfig& config, const Intervention& intervention) {
  return OrAll(intervention.heads, config.n_heads);
}

std::vector<int64_t> SliceShape(const ModelConfig& config, const Intervention& intervention,
                                const ChosenPositions& chosen) {
  const int64_t positions = chosen.positions.size(), keys = chosen.keys.size();
  const int64_t heads = intervention.heads.empty() ? config.n_heads : intervention.heads.size();
  const HookKind kind = intervention.hook.kind;
  switch (AxesOf(kind)) {
    case HookAxes::kPos:
      return {positions, WidthOf(kind, config)};
    case HookAxes::kPosHeads:
      return {positions, heads, WidthOf(kind, config)};
    case HookAxes::kHeadsQueryKey:
      return {heads, positions, keys};
  }
  return {};
}

const PromptRoles& RolesOf(const std::vector<PromptRoles>& roles, size_t prompt) {
  static const auto* const kNone = new PromptRoles;
  return roles.empty() ? *kNone : roles[prompt];
}

}  // namespace circuitd
