// A generated prompt's text while a template is filled in, and the pair of prompts that two such texts are.
#include "server/tasks/templated_text.h"

#include "base/status.h"
#include "server/model/quote.h"
#include "server/tasks/prompt_tokens.h"

namespace circuitd {
namespace {

std::string Label(const TemplatedText& text) { return absl::StrCat("the prompt ", QuoteName(text.text())); }

// Found by counting the tokens' bytes: exact, and in one go over the prompt.
absl::StatusOr<PromptRoles> RolesOf(const Tokenizer& tokenizer, const TemplatedText& text,
                                    const std::vector<int>& tokens) {
  PromptRoles roles;
  auto slot = text.slots().begin();
  size_t begin = 0;
  for (size_t i = 0; i < tokens.size() && slot != text.slots().end(); ++i) {
    const size_t end = begin + tokenizer.TokenBytes(tokens[i]).size();
    if (begin == slot->begin && end == slot->end) {
      roles[slot->role] = static_cast<int>(i);
      ++slot;
    }
    begin = end;
  }
  if (slot != text.slots().end()) {
    return absl::FailedPreconditionError(
        absl::StrCat(Label(text), ": ", QuoteName(text.text().substr(slot->begin, slot->end - slot->begin)),
                     " at byte ", slot->begin, " is not one token for this model's tokenizer"));
  }
  roles["end"] = static_cast<int>(tokens.size()) - 1;
  return roles;
}

}  // namespace

absl::StatusOr<PromptPair> PairOfTexts(const ModelVocabulary& model, const TemplatedText& clean,
                                       const TemplatedText& corrupted) {
  PromptPair pair;
  ASSIGN_OR_RETURN(pair.clean, PromptTokens(model, Label(clean), clean.text()));
  ASSIGN_OR_RETURN(pair.corrupted, PromptTokens(model, Label(corrupted), corrupted.text()));
  // Equal for GPT-2's vocabulary; in another a word and what follows it may be one token.
  if (pair.corrupted.size() != pair.clean.size()) {
    return absl::FailedPreconditionError(absl::StrCat(
        Label(clean), " is ", pair.clean.size(), " tokens for this model's tokenizer, but its corrupted partner is ",
        pair.corrupted.size(), ": a pair's lengths must be equal"));
  }
  ASSIGN_OR_RETURN(pair.roles, RolesOf(*model.tokenizer, clean, pair.clean));
  ASSIGN_OR_RETURN(const PromptRoles corrupted_roles, RolesOf(*model.tokenizer, corrupted, pair.corrupted));
  if (corrupted_roles != pair.roles) {
    return absl::FailedPreconditionError(
        absl::StrCat(Label(clean), " and its corrupted partner have their words in different positions"));
  }
  return pair;
}

}  // namespace circuitd
