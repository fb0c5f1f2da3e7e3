#include <algorithm>
#include <map>
#include <numeric>
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

absl::Status ValidateHeads(const ModelConfig& config, const std::vector<int>& heads) {
  std::set<int> seen;
  for (size_t k = 0; k < heads.size(); ++k) {
    const std::string field = absl::StrCat("heads[", k, "]");
    if (heads[k] < 0 || heads[k] >= config.n_heads) {
      return InvalidField(field,
                          absl::StrCat(heads[k], ", model has ", config.n_heads, " (0-", config.n_heads - 1, ")"));
    }
    if (!seen.insert(heads[k]).second) return InvalidField(field, absl::StrCat(heads[k], " is there twice"));
  }
  return absl::OkStatus();
}

// Each position has to be in the shortest prompt, and so is in all.
absl::Status ValidatePositions(const PatchedRunRequest& request, const std::vector<int>& positions) {
  const auto shortest =
      std::min_element(request.prompts.begin(), request.prompts.end(),
                       [](const std::vector<int>& a, const std::vector<int>& b) { return a.size() < b.size(); });
  const int64_t length = shortest->size();
  std::set<int> seen;
  for (size_t k = 0; k < positions.size(); ++k) {
    const std::string field = absl::StrCat("positions[", k, "]");
    if (positions[k] < -length || positions[k] >= length) {
      return InvalidField(field, absl::StrCat(positions[k], ", prompts[", shortest - request.prompts.begin(), "] has ",
                                              length, " tokens (", -length, " to ", length - 1, ")"));
    }
    if (!seen.insert(positions[k]).second) return InvalidField(field, absl::StrCat(positions[k], " is there twice"));
  }
  return absl::OkStatus();
}

absl::Status ValidateMean(const PatchedRunRequest& request, const std::vector<int>& positions) {
  const int64_t longest = Longest(request.prompts), longest_source = Longest(request.source_prompts);
  int64_t last = positions.empty() ? longest - 1 : 0;
  for (const int position : positions) last = std::max<int64_t>(last, position < 0 ? longest + position : position);
  if (last < longest_source) return absl::OkStatus();
  return InvalidField("ablation", absl::StrCat("a mean at position ", last, ", the longest of source_prompts has ",
                                               longest_source, " tokens"));
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
  RETURN_IF_ERROR(ValidateHeads(config, intervention.heads));
  RETURN_IF_ERROR(ValidatePositions(request, intervention.positions));
  return intervention.ablation == Ablation::kMean ? ValidateMean(request, intervention.positions) : absl::OkStatus();
}

// The slices that interventions replace in prompts of one length, and which intervention each belongs to.
class Slices {
 public:
  Slices(const ModelConfig& config, int length) : config_(config), length_(length) {}

  // INVALID_ARGUMENT if one of its slices belongs to an intervention already, itself included.
  absl::Status Add(size_t index, const Intervention& intervention) {
    const bool is_z = intervention.hook.kind == HookKind::kZ;
    std::vector<int>& owners = owners_[{intervention.hook.kind, intervention.hook.layer}];
    owners.resize(static_cast<size_t>(is_z ? config_.n_heads : 1) * length_);
    for (const int head : is_z ? OrAll(intervention.heads, config_.n_heads) : std::vector<int>{0}) {
      for (int position : OrAll(intervention.positions, length_)) {
        if (position < 0) position += length_;
        int& owner = owners[static_cast<size_t>(head) * length_ + position];
        if (owner != 0) {
          return InvalidField(
              absl::StrCat("interventions[", index, "]"),
              absl::StrCat("the same slice as interventions[", owner - 1, "]: ", HookPointName(intervention.hook),
                           is_z ? absl::StrCat(", head ", head) : "", ", position ", position));
        }
        owner = static_cast<int>(index) + 1;
      }
    }
    return absl::OkStatus();
  }

 private:
  static std::vector<int> OrAll(const std::vector<int>& values, int count) {
    if (!values.empty()) return values;
    std::vector<int> all(count);
    std::iota(all.begin(), all.end(), 0);
    return all;
  }

  const ModelConfig& config_;
  const int length_;
  std::map<std::pair<HookKind, int>, std::vector<int>> owners_;  // by hook point: [head][position], index + 1, or 0
};

// Two interventions must not meet on a slice, in a prompt of any of the lengths there are.
absl::Status ValidateDisjoint(const ModelConfig& config, const PatchedRunRequest& request) {
  std::set<int> lengths;
  for (const auto& prompt : request.prompts) lengths.insert(static_cast<int>(prompt.size()));
  const bool any_from_end =
      std::any_of(request.interventions.begin(), request.interventions.end(), [](const Intervention& intervention) {
        const auto& positions = intervention.positions;
        return std::any_of(positions.begin(), positions.end(), [](int position) { return position < 0; });
      });
  // Where all positions count from the start, what is apart in the longest prompts is apart in the others.
  if (!any_from_end) lengths = {*lengths.rbegin()};
  for (const int length : lengths) {
    Slices slices(config, length);
    for (size_t i = 0; i < request.interventions.size(); ++i) {
      RETURN_IF_ERROR(slices.Add(i, request.interventions[i]));
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
  if (request.interventions.size() > kMaxInterventions) {
    return InvalidField("interventions",
                        absl::StrCat(request.interventions.size(), ", must be at most ", kMaxInterventions));
  }
  for (size_t i = 0; i < request.interventions.size(); ++i) {
    RETURN_IF_ERROR(WithFieldPrefix(absl::StrCat("interventions[", i, "]"),
                                    ValidateIntervention(config, request, request.interventions[i])));
  }
  RETURN_IF_ERROR(ValidateDisjoint(config, request));
  return ValidateAnswers(config, request);
}

}  // namespace circuitd
