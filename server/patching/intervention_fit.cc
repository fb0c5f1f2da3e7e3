#include "server/patching/intervention_fit.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/hook_sizes.h"
#include "server/model/prompt_length.h"
#include "server/patching/intervention_selection.h"
#include "server/patching/intervention_tensor.h"
#include "server/patching/intervention_validation.h"
#include "server/patching/slice_set.h"

namespace circuitd {
namespace {

std::string InterventionName(size_t index) { return absl::StrCat("interventions[", index, "]"); }
std::string PromptName(size_t index) { return absl::StrCat("prompts[", index, "]"); }

bool IsMean(const Intervention& intervention) { return IsAblation(intervention, Ablation::kMean); }

class InterventionFit {
 public:
  InterventionFit(const ModelConfig& config, const PatchedRunRequest& request)
      : config_(config), request_(request), longest_source_(LongestPrompt(request.source_prompts)) {
    std::set<size_t> lengths;
    for (size_t i = 0; i < request.prompts.size(); ++i) {
      all_.push_back(i);
      if (lengths.insert(request.prompts[i].size()).second) one_of_each_length_.push_back(i);
    }
  }

  // Whether an intervention fits all prompts.
  absl::Status ValidatePrompts(size_t index) {
    const Intervention& intervention = request_.interventions[index];
    for (const size_t prompt : ChoosesByLengthOnly(intervention) ? one_of_each_length_ : all_) {
      ASSIGN_OR_RETURN(const ChosenPositions chosen, Choose(index, prompt));
      RETURN_IF_ERROR(WithFieldPrefix(InterventionName(index), ValidatePrompt(intervention, prompt, chosen)));
    }
    return absl::OkStatus();
  }

  // Whether the interventions on one hook point are on slices of their own.
  absl::Status ValidateDisjoint(const std::vector<size_t>& indices) {
    if (indices.size() < 2) return absl::OkStatus();
    const bool by_length = std::all_of(indices.begin(), indices.end(), [&](size_t index) {
      return ChoosesByLengthOnly(request_.interventions[index]);
    });
    for (const size_t prompt : by_length ? one_of_each_length_ : all_) {
      RETURN_IF_ERROR(ValidateDisjoint(indices, prompt));
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<ChosenPositions> Choose(size_t index, size_t prompt) {
    const Intervention& intervention = request_.interventions[index];
    const std::vector<int>& tokens = request_.prompts[prompt];
    RETURN_IF_ERROR(TakeSteps(ChoosingSteps(intervention, tokens.size())));
    auto chosen = ChoosePositions(intervention, tokens, RolesOf(request_.roles, prompt), PromptName(prompt));
    if (!chosen.ok()) return WithFieldPrefix(InterventionName(index), chosen.status());
    return chosen;
  }

  absl::Status ValidatePrompt(const Intervention& intervention, size_t prompt, const ChosenPositions& chosen) const {
    if (IsMean(intervention) && static_cast<size_t>(chosen.positions.back()) >= longest_source_) {
      return InvalidField("ablation", absl::StrCat("a mean at position ", chosen.positions.back(),
                                                   ", the longest of source_prompts has ", longest_source_, " tokens"));
    }
    const std::vector<int64_t> slice = SliceShape(config_, intervention, chosen);
    const size_t count = request_.prompts.size();
    if (const auto* set = std::get_if<SetTo>(&intervention.action); set != nullptr) {
      return WithFieldPrefix("set", ValidateBroadcast(set->value, slice, count, PromptName(prompt)));
    }
    if (const auto* add = std::get_if<AddVector>(&intervention.action); add != nullptr) {
      return WithFieldPrefix("add.vector", ValidateBroadcast(add->vector, slice, count, PromptName(prompt)));
    }
    return absl::OkStatus();
  }

  absl::Status ValidateDisjoint(const std::vector<size_t>& indices, size_t prompt) {
    const HookPoint hook = request_.interventions[indices[0]].hook;
    SliceSet slices(config_, hook.kind, request_.prompts[prompt].size());
    RETURN_IF_ERROR(TakeSteps(slices.size()));
    for (size_t k = 0; k < indices.size(); ++k) {
      ASSIGN_OR_RETURN(const ChosenPositions chosen, Choose(indices[k], prompt));
      RETURN_IF_ERROR(TakeSteps(slices.TakingSteps(request_.interventions[indices[k]], chosen)));
      const std::optional<Slice> both = slices.Take(request_.interventions[indices[k]], chosen);
      if (!both) continue;
      ASSIGN_OR_RETURN(const size_t owner, OwnerOf(*both, indices, prompt));
      return InvalidField(InterventionName(indices[k]), absl::StrCat("the same slice as ", InterventionName(owner),
                                                                     ": ", HookPointName(hook), SliceName(*both)));
    }
    return absl::OkStatus();
  }

  // The first of the interventions that takes a slice.
  absl::StatusOr<size_t> OwnerOf(const Slice& slice, const std::vector<size_t>& indices, size_t prompt) {
    for (const size_t index : indices) {
      ASSIGN_OR_RETURN(const ChosenPositions chosen, Choose(index, prompt));
      if (Takes(request_.interventions[index], chosen, slice)) return index;
    }
    return absl::InternalError(absl::StrCat("nothing takes the slice", SliceName(slice)));
  }

  absl::Status TakeSteps(int64_t steps) {
    steps_ += steps;
    if (steps_ <= kMaxCheckingSteps) return absl::OkStatus();
    return InvalidField("interventions",
                        absl::StrCat("their slices take over ", kMaxCheckingSteps,
                                     " steps to check; fewer interventions, prompts or lengths of prompts take less"));
  }

  const ModelConfig& config_;
  const PatchedRunRequest& request_;
  const size_t longest_source_;
  std::vector<size_t> all_, one_of_each_length_;  // prompts
  int64_t steps_ = 0;
};

using IndicesByHook = std::map<HookPoint, std::vector<size_t>, HookPointLess>;

absl::Status ValidateAttentionMeans(const ModelConfig& config, const PatchedRunRequest& request,
                                    const IndicesByHook& by_hook) {
  const int64_t longest = LongestPrompt(request.source_prompts);
  int64_t values = 0;
  for (const auto& [hook, indices] : by_hook) {
    const bool mean =
        std::any_of(indices.begin(), indices.end(), [&](size_t index) { return IsMean(request.interventions[index]); });
    if (!mean || AxesOf(hook.kind) != HookAxes::kHeadsQueryKey) continue;
    values += ElementsPerToken(config, hook.kind, longest) * longest;
  }
  if (values <= kMaxAttentionMeanValues) return absl::OkStatus();
  return InvalidField("interventions", absl::StrCat("means of hook_attn_scores and hook_pattern of ", values,
                                                    " values, must be at most ", kMaxAttentionMeanValues));
}

}  // namespace

absl::Status ValidateInterventions(const ModelConfig& config, const PatchedRunRequest& request) {
  const size_t count = request.interventions.size();
  if (count > kMaxInterventions) {
    return InvalidField("interventions", absl::StrCat(count, ", must be at most ", kMaxInterventions));
  }
  InterventionFit fit(config, request);
  IndicesByHook by_hook;
  for (size_t i = 0; i < count; ++i) {
    RETURN_IF_ERROR(WithFieldPrefix(InterventionName(i), ValidateIntervention(config, request.interventions[i])));
    RETURN_IF_ERROR(fit.ValidatePrompts(i));
    by_hook[request.interventions[i].hook].push_back(i);
  }
  for (const auto& [hook, indices] : by_hook) RETURN_IF_ERROR(fit.ValidateDisjoint(indices));
  return ValidateAttentionMeans(config, request, by_hook);
}

}  // namespace circuitd
