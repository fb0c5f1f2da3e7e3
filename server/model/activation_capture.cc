#include "server/model/activation_capture.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/hook_sizes.h"
#include "server/model/index_validation.h"

namespace circuitd {
namespace {

bool HasHeads(HookPoint hook) { return AxesOf(hook.kind) != HookAxes::kPos; }

absl::Status ValidateHeads(const ModelConfig& config, const CaptureSelection& selection) {
  if (selection.heads.empty()) return absl::OkStatus();
  if (std::none_of(selection.hooks.begin(), selection.hooks.end(), HasHeads)) {
    return InvalidField("heads", absl::StrCat(selection.heads.size(), ", none of the hook points has heads"));
  }
  return ValidateIndices("heads", selection.heads, config.n_heads);
}

// Many prompts of a model of absurd dimensions make more bytes than an int64_t holds.
int64_t Saturated(double bytes) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  return bytes >= static_cast<double>(kMax) ? kMax : static_cast<int64_t>(bytes);
}

}  // namespace

absl::Status ValidateCapture(const ModelConfig& config, const CaptureSelection& selection,
                             absl::Span<const std::vector<int>> prompts, absl::Span<const PromptRoles> roles) {
  RETURN_IF_ERROR(ValidateHeads(config, selection));
  return WithFieldPrefix("positions", SelectPositionsOfAll(selection.positions, prompts, roles).status());
}

int64_t CaptureBytes(const ModelConfig& config, const CaptureSelection& selection,
                     absl::Span<const std::vector<int>> prompts, absl::Span<const PromptRoles> roles,
                     int64_t element_size) {
  if (selection.hooks.empty()) return 0;
  const auto positions = SelectPositionsOfAll(selection.positions, prompts, roles);
  if (!positions.ok()) return 0;  // no validated selection

  const size_t heads = selection.heads.empty() ? config.n_heads : selection.heads.size();
  // What a position costs is the same in all prompts, but for patterns, which have a column a key.
  double per_position = 0, per_query_and_key = 0;
  for (const HookPoint hook : selection.hooks) {
    const bool is_pattern = AxesOf(hook.kind) == HookAxes::kHeadsQueryKey;
    (is_pattern ? per_query_and_key : per_position) +=
        static_cast<double>(ElementsPerToken(config, hook.kind, static_cast<int64_t>(heads), 1));
  }
  double elements = 0;
  for (size_t i = 0; i < prompts.size(); ++i) {
    elements += static_cast<double>((*positions)[i].size()) *
                (per_position + per_query_and_key * static_cast<double>(prompts[i].size()));
  }
  return Saturated(elements * static_cast<double>(element_size));
}

int64_t CaptureBytesPerToken(const ModelConfig& config, const CaptureSelection& selection, int64_t longest,
                             int64_t element_size) {
  double most = 0;
  for (const HookPoint hook : selection.hooks) {
    // Each head's result is made for its hook point alone.
    const int copies = hook.kind == HookKind::kResult ? 2 : 1;
    most = std::max(most, copies * static_cast<double>(ElementsPerToken(config, hook.kind, longest)));
  }
  return static_cast<int64_t>(most) * element_size;
}

}  // namespace circuitd
