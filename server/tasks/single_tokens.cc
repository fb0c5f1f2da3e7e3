// Which words are single tokens of a model: what generated prompts are made of.
#include "server/tasks/single_tokens.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/quote.h"

namespace circuitd {

absl::StatusOr<size_t> CountTokens(const ModelVocabulary& model, const std::string& text) {
  ASSIGN_OR_RETURN(const std::vector<int> ids, model.tokenizer->Encode(text));
  for (const int id : ids) {
    if (id >= model.config->d_vocab) return 0;
  }
  return ids.size();
}

absl::StatusOr<int> SingleToken(const ModelVocabulary& model, const std::string& text) {
  ASSIGN_OR_RETURN(const std::vector<int> ids, model.tokenizer->Encode(text));
  if (ids.size() == 1 && ids[0] < model.config->d_vocab) return ids[0];
  return absl::FailedPreconditionError(absl::StrCat(QuoteName(text), " is not one token of this model"));
}

absl::StatusOr<std::vector<std::string>> SingleTokenWords(const ModelVocabulary& model, absl::string_view field,
                                                          absl::string_view kind, const std::vector<std::string>& words,
                                                          WordPlace place, size_t needed) {
  std::vector<std::string> usable;
  for (const std::string& word : words) {
    ASSIGN_OR_RETURN(const size_t after_space, CountTokens(model, absl::StrCat(" ", word)));
    if (after_space != 1) continue;
    if (place == WordPlace::kAnywhere) {
      ASSIGN_OR_RETURN(const size_t alone, CountTokens(model, word));
      if (alone != 1) continue;
    }
    usable.push_back(word);
  }
  if (usable.size() < needed) {
    return FieldError(absl::StatusCode::kFailedPrecondition, field,
                      absl::StrCat(usable.size(), " of ", words.size(), " ", kind,
                                   " are single tokens for this model's tokenizer, a prompt needs ", needed));
  }
  return usable;
}

}  // namespace circuitd
