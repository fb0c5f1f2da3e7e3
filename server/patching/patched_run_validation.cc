#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/patching/intervention_fit.h"
#include "server/patching/patched_run.h"

namespace circuitd {
namespace {

bool Uses(const PatchedRunRequest& request, Ablation ablation) {
  return std::any_of(request.interventions.begin(), request.interventions.end(),
                     [ablation](const Intervention& i) { return IsAblation(i, ablation); });
}

absl::Status ValidateRoles(const PatchedRunRequest& request) {
  if (request.roles.empty() || request.roles.size() == request.prompts.size()) return absl::OkStatus();
  return InvalidField(
      "roles", absl::StrCat(request.roles.size(), ", needs one for each of the ", request.prompts.size(), " prompts"));
}

absl::Status ValidateSources(const ModelConfig& config, const PatchedRunRequest& request) {
  const auto& sources = request.source_prompts;
  if (sources.empty()) {
    if (!Uses(request, Ablation::kMean) && !Uses(request, Ablation::kResample)) return absl::OkStatus();
    return InvalidField("source_prompts", "none, mean and resample ablation need them");
  }
  RETURN_IF_ERROR(ValidatePrompts(config, "source_prompts", sources));
  if (!Uses(request, Ablation::kResample)) return absl::OkStatus();
  if (sources.size() != request.prompts.size()) {
    return InvalidField("source_prompts", absl::StrCat(sources.size(), ", resample ablation needs one for each of the ",
                                                       request.prompts.size(), " prompts"));
  }
  for (size_t i = 0; i < sources.size(); ++i) {
    if (sources[i].size() != request.prompts[i].size()) {
      return InvalidField(absl::StrCat("source_prompts[", i, "]"),
                          absl::StrCat(sources[i].size(), " tokens, its prompt has ", request.prompts[i].size()));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateMetric(const ModelConfig& config, const PatchedRunRequest& request) {
  if (request.metric && NeedsAnswers(*request.metric)) {
    return ValidateAnswers(config, request.answers, request.prompts.size(), NeedsIncorrect(*request.metric));
  }
  if (request.answers.empty()) return absl::OkStatus();
  return InvalidField("answers", absl::StrCat(request.answers.size(), ", the request's metric uses none"));
}

}  // namespace

absl::Status ValidatePatchedRun(const ModelConfig& config, const PatchedRunRequest& request) {
  RETURN_IF_ERROR(ValidatePrompts(config, "prompts", request.prompts));
  RETURN_IF_ERROR(ValidateRoles(request));
  RETURN_IF_ERROR(ValidateSources(config, request));
  RETURN_IF_ERROR(ValidateInterventions(config, request));
  RETURN_IF_ERROR(WithFieldPrefix("capture", ValidateCapture(config, request.capture, request.prompts, request.roles)));
  return ValidateMetric(config, request);
}

}  // namespace circuitd
