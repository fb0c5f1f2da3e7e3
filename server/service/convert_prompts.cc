#include "server/service/convert_prompts.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/tasks/distinct_tokens.h"
#include "server/tasks/prompt_roles.h"

namespace circuitd {

absl::StatusOr<PromptRoles> ConvertRoles(const v1::Prompt& prompt, absl::string_view field, size_t token_count) {
  const std::string roles_field = absl::StrCat(field, ".roles");
  RETURN_IF_ERROR(WithFieldPrefix(roles_field, CheckRoleCount(prompt.roles().size())));
  PromptRoles roles;
  for (const auto& [name, position] : prompt.roles()) {
    RETURN_IF_ERROR(WithFieldPrefix(roles_field, CheckRoleName(name)));
    if (position >= token_count) {
      return InvalidField(absl::StrCat(roles_field, "[\"", name, "\"]"),
                          absl::StrCat(position, ", the prompt has ", token_count, " tokens"));
    }
    roles[name] = static_cast<int>(position);
  }
  return roles;
}

absl::StatusOr<std::vector<PromptRoles>> ConvertRoles(const PromptList& prompts, absl::string_view field,
                                                      const std::vector<std::vector<int>>& tokens) {
  const bool any = std::any_of(prompts.begin(), prompts.end(), [](const v1::Prompt& p) { return !p.roles().empty(); });
  std::vector<PromptRoles> all;
  for (int i = 0; any && i < prompts.size(); ++i) {
    ASSIGN_OR_RETURN(PromptRoles roles, ConvertRoles(prompts[i], FieldAt(field, i), tokens[i].size()));
    all.push_back(std::move(roles));
  }
  return all;
}

absl::StatusOr<PositionSelector> ConvertSelector(const v1::PositionSelector& proto, absl::string_view field,
                                                 const Model& model, const PromptLimits& limits) {
  PositionSelector selector;
  // No prompt has more, and none is there twice.
  if (proto.indices_size() > model.config().n_ctx) {
    return InvalidField(absl::StrCat(field, ".indices"),
                        absl::StrCat(proto.indices_size(), ", must be at most n_ctx, ", model.config().n_ctx));
  }
  selector.indices.assign(proto.indices().begin(), proto.indices().end());
  ASSIGN_OR_RETURN(selector.tokens, ConvertTokens(proto.tokens(), absl::StrCat(field, ".tokens"), model, limits));
  RETURN_IF_ERROR(WithFieldPrefix(absl::StrCat(field, ".roles"), CheckRoleCount(proto.roles_size())));
  selector.roles.assign(proto.roles().begin(), proto.roles().end());
  return selector;
}

absl::StatusOr<Answer> ConvertAnswer(const v1::Answer& proto, absl::string_view field, const Model& model,
                                     MultiTokenAnswers several, const PromptLimits& limits) {
  const auto tokens = [&](const PromptList& prompts, absl::string_view side) -> absl::StatusOr<std::vector<int>> {
    ASSIGN_OR_RETURN(std::vector<int> all,
                     TokenizeSingles(prompts, absl::StrCat(field, ".", side), model, several, limits));
    return DistinctTokens(std::move(all));
  };
  Answer answer;
  ASSIGN_OR_RETURN(answer.correct, tokens(proto.correct(), "correct"));
  ASSIGN_OR_RETURN(answer.incorrect, tokens(proto.incorrect(), "incorrect"));
  return answer;
}

absl::StatusOr<std::vector<Answer>> ConvertAnswers(const google::protobuf::RepeatedPtrField<v1::Answer>& protos,
                                                   absl::string_view field, const Model& model,
                                                   MultiTokenAnswers several, const PromptLimits& limits) {
  if (protos.size() > limits.max_prompts) {
    return InvalidField(field, absl::StrCat(protos.size(), ", must be at most one for each prompt"));
  }
  std::vector<Answer> answers;
  for (int i = 0; i < protos.size(); ++i) {
    ASSIGN_OR_RETURN(Answer answer, ConvertAnswer(protos[i], FieldAt(field, i), model, several, limits));
    answers.push_back(std::move(answer));
  }
  return answers;
}

absl::StatusOr<std::vector<int>> ConvertTokens(const PromptList& prompts, absl::string_view field, const Model& model,
                                               const PromptLimits& limits) {
  if (prompts.size() > kMaxChosenTokens) {
    return InvalidField(field, absl::StrCat(prompts.size(), ", must be at most ", kMaxChosenTokens));
  }
  return TokenizeSingles(prompts, field, model, MultiTokenAnswers::kReject, limits);
}

std::vector<int> ConvertNumbers(const google::protobuf::RepeatedField<uint32_t>& numbers) {
  std::vector<int> converted;
  converted.reserve(numbers.size());
  for (const uint32_t number : numbers) {
    converted.push_back(static_cast<int>(std::min<uint32_t>(number, std::numeric_limits<int>::max())));
  }
  return converted;
}

}  // namespace circuitd
