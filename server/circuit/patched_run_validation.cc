#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/circuit/patched_run.h"

namespace circuitd {
namespace {

bool Uses(const PatchedRunRequest& request, Ablation ablation) {
  return std::any_of(request.interventions.begin(), request.interventions.end(),
                     [ablation](const Intervention& i) { return i.ablation == ablation; });
}

size_t Longest(const std::vector<std::vector<int>>& prompts) {
  size_t longest = 0;
  for (const auto& prompt : prompts) longest = std::max(longest, prompt.size());
  return longest;
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

absl::Status ValidateIntervention(const ModelConfig& config, const PatchedRunRequest& request,
                                  const Intervention& intervention) {
  const HookPoint hook = intervention.hook;
  if (hook.kind != HookKind::kZ && hook.kind != HookKind::kMlpOut) {
    return InvalidField("hook",
                        absl::StrCat("'", HookPointName(hook),
                                     "' can't be patched; blocks.{l}.attn.hook_z and blocks.{l}.hook_mlp_out can"));
  }
  if (hook.layer < 0 || hook.layer >= config.n_layers) {
    return InvalidField(
        "hook", absl::StrCat("layer ", hook.layer, ", model has ", config.n_layers, " (0-", config.n_layers - 1, ")"));
  }
  if (hook.kind == HookKind::kMlpOut && !intervention.heads.empty()) {
    return InvalidField("heads", "an MLP has no heads");
  }
  for (size_t k = 0; k < intervention.heads.size(); ++k) {
    const int head = intervention.heads[k];
    if (head < 0 || head >= config.n_heads) {
      return InvalidField(absl::StrCat("heads[", k, "]"),
                          absl::StrCat(head, ", model has ", config.n_heads, " (0-", config.n_heads - 1, ")"));
    }
  }
  const int64_t longest_source = Longest(request.source_prompts);
  for (size_t i = 0; i < request.prompts.size(); ++i) {
    const int64_t length = request.prompts[i].size();
    int64_t last = intervention.positions.empty() ? length - 1 : 0;
    for (size_t k = 0; k < intervention.positions.size(); ++k) {
      const int64_t position = intervention.positions[k];
      if (position < -length || position >= length) {
        return InvalidField(
            absl::StrCat("positions[", k, "]"),
            absl::StrCat(position, ", prompts[", i, "] has ", length, " tokens (", -length, " to ", length - 1, ")"));
      }
      last = std::max(last, position < 0 ? length + position : position);
    }
    if (intervention.ablation == Ablation::kMean && last >= longest_source) {
      return InvalidField("ablation", absl::StrCat("the mean at position ", last, " of prompts[", i,
                                                   "]: the longest of source_prompts has ", longest_source, " tokens"));
    }
  }
  return absl::OkStatus();
}

// Two interventions must not meet on a slice, in a prompt of any of the lengths there are.
absl::Status ValidateDisjoint(const ModelConfig& config, const PatchedRunRequest& request) {
  std::set<int> lengths;
  for (const auto& prompt : request.prompts) lengths.insert(static_cast<int>(prompt.size()));
  for (const int length : lengths) {
    // By hook point: the intervention + 1 that has [head][position], 0 for none.
    std::map<std::pair<HookKind, int>, std::vector<int>> owners;
    for (size_t i = 0; i < request.interventions.size(); ++i) {
      const Intervention& intervention = request.interventions[i];
      const bool is_z = intervention.hook.kind == HookKind::kZ;
      auto& owner = owners[{intervention.hook.kind, intervention.hook.layer}];
      owner.resize(static_cast<size_t>(is_z ? config.n_heads : 1) * length);
      const size_t heads =
          is_z && intervention.heads.empty() ? config.n_heads : std::max<size_t>(1, intervention.heads.size());
      const size_t positions = intervention.positions.empty() ? length : intervention.positions.size();
      for (size_t h = 0; h < heads; ++h) {
        const int head = intervention.heads.empty() ? static_cast<int>(h) : intervention.heads[h];
        for (size_t p = 0; p < positions; ++p) {
          int position = intervention.positions.empty() ? static_cast<int>(p) : intervention.positions[p];
          if (position < 0) position += length;
          int& slot = owner[static_cast<size_t>(head) * length + position];
          if (slot != 0 && slot != static_cast<int>(i) + 1) {
            return InvalidField(
                absl::StrCat("interventions[", i, "]"),
                absl::StrCat("the same slice as interventions[", slot - 1, "]: ", HookPointName(intervention.hook),
                             is_z ? absl::StrCat(", head ", head) : "", ", position ", position));
          }
          slot = static_cast<int>(i) + 1;
        }
      }
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateTokens(const ModelConfig& config, const std::string& field, const std::vector<int>& tokens) {
  if (tokens.empty()) return InvalidField(field, "none, at least 1 is needed");
  for (size_t k = 0; k < tokens.size(); ++k) {
    if (tokens[k] < 0 || tokens[k] >= config.d_vocab) {
      return InvalidField(absl::StrCat(field, "[", k, "]"),
                          absl::StrCat(tokens[k], ", d_vocab is ", config.d_vocab, " (0-", config.d_vocab - 1, ")"));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateAnswers(const ModelConfig& config, const PatchedRunRequest& request) {
  const bool needed = request.metric && *request.metric != Metric::kKlDiv;
  if (!needed) {
    if (request.answers.empty()) return absl::OkStatus();
    return InvalidField("answers", absl::StrCat(request.answers.size(), ", the request's metric uses none"));
  }
  if (request.answers.size() != request.prompts.size()) {
    return InvalidField("answers", absl::StrCat(request.answers.size(), ", the metric needs one for each of the ",
                                                request.prompts.size(), " prompts"));
  }
  for (size_t i = 0; i < request.answers.size(); ++i) {
    const std::string field = absl::StrCat("answers[", i, "]");
    RETURN_IF_ERROR(ValidateTokens(config, absl::StrCat(field, ".correct"), request.answers[i].correct));
    if (*request.metric == Metric::kNll && request.answers[i].incorrect.empty()) continue;
    RETURN_IF_ERROR(ValidateTokens(config, absl::StrCat(field, ".incorrect"), request.answers[i].incorrect));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidatePatchedRun(const ModelConfig& config, const PatchedRunRequest& request) {
  RETURN_IF_ERROR(ValidatePrompts(config, "prompts", request.prompts));
  RETURN_IF_ERROR(ValidateSources(config, request));
  for (size_t i = 0; i < request.interventions.size(); ++i) {
    RETURN_IF_ERROR(WithFieldPrefix(absl::StrCat("interventions[", i, "]"),
                                    ValidateIntervention(config, request, request.interventions[i])));
  }
  RETURN_IF_ERROR(ValidateDisjoint(config, request));
  return ValidateAnswers(config, request);
}

}  // namespace circuitd
