// Checks pairs that a request brings along.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/tasks/prompt_lines.h"
#include "server/tasks/prompt_roles.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {
namespace {

using Tokens = std::vector<int>;

absl::Status CheckIds(const ModelConfig& config, const Tokens& ids, absl::string_view field) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] >= 0 && ids[i] < config.d_vocab) continue;
    return InvalidField(absl::StrCat(field, "[", i, "]"), absl::StrCat("token ", ids[i], ", model has ", config.d_vocab,
                                                                       " (0-", config.d_vocab - 1, ")"));
  }
  return absl::OkStatus();
}

absl::Status CheckPrompt(const ModelConfig& config, const Tokens& prompt, absl::string_view field) {
  if (prompt.empty() || prompt.size() > static_cast<size_t>(config.n_ctx)) {
    return InvalidField(field, absl::StrCat(prompt.size(), " tokens, model takes 1-", config.n_ctx));
  }
  return CheckIds(config, prompt, field);
}

absl::Status CheckAnswer(const ModelConfig& config, const Tokens& answer, absl::string_view field) {
  if (answer.empty() || answer.size() > kMaxAnswers) {
    return InvalidField(field, absl::StrCat(answer.size(), " tokens, must be 1-", kMaxAnswers));
  }
  return CheckIds(config, answer, field);
}

absl::Status CheckRoles(const PromptPair& pair, absl::string_view field) {
  RETURN_IF_ERROR(WithFieldPrefix(field, CheckRoleCount(pair.roles.size())));
  for (const auto& [name, position] : pair.roles) RETURN_IF_ERROR(WithFieldPrefix(field, CheckRoleName(name)));
  return WithFieldPrefix(field, CheckRolePositions(pair.roles, pair.clean.size()));
}

// Whether the pairs have a part: all must, if it is needed or one pair has it.
absl::StatusOr<bool> HavePart(const PromptPairs& pairs, Tokens PromptPair::*part, bool needed, absl::string_view field,
                              absl::string_view what) {
  const bool any = std::any_of(pairs.begin(), pairs.end(), [&](const auto& pair) { return !(pair.*part).empty(); });
  if (needed && !any)
    return InvalidField(field, absl::StrCat("no ", what, ", but this request needs them for each clean prompt"));
  return any;
}

absl::Status CheckCorrupted(const ModelConfig& config, const PromptPair& pair, absl::string_view field) {
  RETURN_IF_ERROR(CheckPrompt(config, pair.corrupted, field));
  if (pair.corrupted.size() == pair.clean.size()) return absl::OkStatus();
  return InvalidField(field, absl::StrCat(pair.corrupted.size(), " tokens, but its clean partner has ",
                                          pair.clean.size(), ": a pair's lengths must be equal"));
}

}  // namespace

absl::Status ValidatePairs(const ModelConfig& config, const PromptPairs& pairs, PairNeeds needs,
                           absl::string_view field) {
  const std::string clean_field = absl::StrCat(field, ".clean");
  const std::string corrupted_field = absl::StrCat(field, ".corrupted");
  const std::string answers_field = absl::StrCat(field, ".answers");
  if (pairs.empty() || pairs.size() > static_cast<size_t>(kMaxNumSamples)) {
    return InvalidField(clean_field, absl::StrCat(pairs.size(), " prompts, must be 1-", kMaxNumSamples));
  }
  ASSIGN_OR_RETURN(const bool corrupted,
                   HavePart(pairs, &PromptPair::corrupted, needs.corrupted, corrupted_field, "prompts"));
  ASSIGN_OR_RETURN(const bool correct,
                   HavePart(pairs, &PromptPair::correct, needs.answers, answers_field, "correct tokens"));
  ASSIGN_OR_RETURN(const bool incorrect, HavePart(pairs, &PromptPair::incorrect, needs.answers && needs.incorrect,
                                                  answers_field, "incorrect tokens"));
  for (size_t i = 0; i < pairs.size(); ++i) {
    const PromptPair& pair = pairs[i];
    const std::string index = absl::StrCat("[", i, "]");
    RETURN_IF_ERROR(CheckPrompt(config, pair.clean, clean_field + index));
    RETURN_IF_ERROR(CheckRoles(pair, clean_field + index + ".roles"));
    if (corrupted) RETURN_IF_ERROR(CheckCorrupted(config, pair, corrupted_field + index));
    if (correct) RETURN_IF_ERROR(CheckAnswer(config, pair.correct, answers_field + index + ".correct"));
    if (incorrect) RETURN_IF_ERROR(CheckAnswer(config, pair.incorrect, answers_field + index + ".incorrect"));
  }
  return absl::OkStatus();
}

}  // namespace circuitd
