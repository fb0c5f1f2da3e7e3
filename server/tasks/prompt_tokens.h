// Turns prompts and answers, given as text or as token ids, into tokens that the model can run.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {

using PromptInput = std::variant<std::string, std::vector<int64_t>>;
using AnswerInput = std::variant<std::string, int64_t>;

// 1 to n_ctx tokens. INVALID_ARGUMENT "label: what" for others, ids outside the vocabulary, and text when there is no
// tokenizer. Thread-safe.
absl::StatusOr<std::vector<int>> PromptTokens(const ModelVocabulary& model, absl::string_view label,
                                              const PromptInput& prompt);

// One token each, in order, those that are there already left out. INVALID_ARGUMENT "label: what", or "label[1]: what"
// if there are several, for an answer of several tokens (unless the first one counts), an empty one, and as above.
// Thread-safe.
absl::StatusOr<std::vector<int>> AnswerTokens(const ModelVocabulary& model, absl::string_view label,
                                              const std::vector<AnswerInput>& answers, MultiTokenAnswers multi_token);

}  // namespace circuitd
