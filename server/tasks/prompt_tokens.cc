// Turns prompts and answers, given as text or as token ids, into tokens that the model can run.
#include "server/tasks/prompt_tokens.h"

#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/quote.h"
#include "server/tasks/distinct_tokens.h"

namespace circuitd {
namespace {

absl::Status Error(absl::string_view label, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(label, ": ", what));
}

absl::StatusOr<std::vector<int>> Encode(const ModelVocabulary& model, absl::string_view label,
                                        const std::string& text) {
  if (model.tokenizer == nullptr)
    return Error(label, "is text, but the model has no tokenizer: only token ids will do");
  auto ids = model.tokenizer->Encode(text);
  if (!ids.ok()) return absl::Status(ids.status().code(), absl::StrCat(label, ": ", ids.status().message()));
  return ids;
}

absl::Status CheckToken(const ModelVocabulary& model, absl::string_view label, int64_t id) {
  const int d_vocab = model.config->d_vocab;
  if (id >= 0 && id < d_vocab) return absl::OkStatus();
  return Error(label, absl::StrCat("token ", id, ", model has ", d_vocab, " (0-", d_vocab - 1, ")"));
}

absl::StatusOr<int> AnswerToken(const ModelVocabulary& model, absl::string_view label, const AnswerInput& answer,
                                MultiTokenAnswers multi_token) {
  if (const int64_t* id = std::get_if<int64_t>(&answer)) {
    RETURN_IF_ERROR(CheckToken(model, label, *id));
    return static_cast<int>(*id);
  }
  const auto& text = std::get<std::string>(answer);
  if (text.empty()) return Error(label, "is empty");
  ASSIGN_OR_RETURN(const std::vector<int> ids, Encode(model, label, text));
  if (ids.size() > 1 && multi_token == MultiTokenAnswers::kReject) {
    return Error(label, absl::StrCat(QuoteName(text), " is ", ids.size(),
                                     " tokens; an answer must be one, unless the request says that its first counts"));
  }
  RETURN_IF_ERROR(CheckToken(model, label, ids[0]));
  return ids[0];
}

}  // namespace

absl::StatusOr<std::vector<int>> PromptTokens(const ModelVocabulary& model, absl::string_view label,
                                              const PromptInput& prompt) {
  std::vector<int> tokens;
  if (const auto* ids = std::get_if<std::vector<int64_t>>(&prompt)) {
    for (size_t i = 0; i < ids->size(); ++i) {
      RETURN_IF_ERROR(CheckToken(model, absl::StrCat(label, "[", i, "]"), (*ids)[i]));
    }
    tokens.assign(ids->begin(), ids->end());
  } else {
    ASSIGN_OR_RETURN(tokens, Encode(model, label, std::get<std::string>(prompt)));
    for (const int id : tokens) RETURN_IF_ERROR(CheckToken(model, label, id));
  }
  const size_t n_ctx = static_cast<size_t>(model.config->n_ctx);
  if (tokens.empty() || tokens.size() > n_ctx) {
    return Error(label, absl::StrCat(tokens.size(), " tokens, model takes 1-", n_ctx));
  }
  return tokens;
}

absl::StatusOr<std::vector<int>> AnswerTokens(const ModelVocabulary& model, absl::string_view label,
                                              const std::vector<AnswerInput>& answers, MultiTokenAnswers multi_token) {
  if (answers.empty()) return Error(label, "no answer");
  std::vector<int> tokens;
  for (size_t i = 0; i < answers.size(); ++i) {
    const std::string item = answers.size() == 1 ? std::string(label) : absl::StrCat(label, "[", i, "]");
    ASSIGN_OR_RETURN(const int token, AnswerToken(model, item, answers[i], multi_token));
    tokens.push_back(token);
  }
  return DistinctTokens(std::move(tokens));
}

}  // namespace circuitd
