#include "server/service/inline_prompts.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/service/convert_prompts.h"
#include "server/tasks/num_samples.h"

namespace circuitd {
namespace {

constexpr char kClean[] = "prompts.inline.clean";
constexpr char kCorrupted[] = "prompts.inline.corrupted";
constexpr char kAnswers[] = "prompts.inline.answers";

absl::Status OneForEachOrNone(int count, int prompts, absl::string_view field) {
  if (count == 0 || count == prompts) return absl::OkStatus();
  return InvalidField(field, absl::StrCat(count, ", must be one for each of the ", prompts, " clean prompts, or none"));
}

}  // namespace

absl::Status ValidateInlinePrompts(const v1::InlinePrompts& prompts) {
  if (prompts.clean().empty()) return InvalidField("inline.clean", "no prompts, at least 1 is needed");
  RETURN_IF_ERROR(OneForEachOrNone(prompts.corrupted_size(), prompts.clean_size(), "inline.corrupted"));
  return OneForEachOrNone(prompts.answers_size(), prompts.clean_size(), "inline.answers");
}

absl::StatusOr<PromptPairs> TokenizeInlinePrompts(const v1::InlinePrompts& prompts, const Model& model,
                                                  const PromptSetOptions& options, const PromptLimits& limits) {
  ASSIGN_OR_RETURN(const size_t count, ChooseNumSamples(options.num_samples, prompts.clean_size(), "the request"));
  PromptPairs pairs;
  for (int i = 0; i < static_cast<int>(count); ++i) {
    if (limits.checkpoint) RETURN_IF_ERROR(limits.checkpoint());
    PromptPair pair;
    const std::string clean = FieldAt(kClean, i);
    ASSIGN_OR_RETURN(pair.clean, TokenizePrompt(prompts.clean(i), clean, model, limits));
    ASSIGN_OR_RETURN(pair.roles, ConvertRoles(prompts.clean(i), clean, pair.clean.size()));
    if (!prompts.corrupted().empty()) {
      const std::string corrupted = FieldAt(kCorrupted, i);
      ASSIGN_OR_RETURN(pair.corrupted, TokenizePrompt(prompts.corrupted(i), corrupted, model, limits));
    }
    if (!prompts.answers().empty()) {
      ASSIGN_OR_RETURN(Answer answer, ConvertAnswer(prompts.answers(i), FieldAt(kAnswers, i), model,
                                                    options.multi_token_answers, limits));
      pair.correct = std::move(answer.correct);
      pair.incorrect = std::move(answer.incorrect);
    }
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

}  // namespace circuitd
