// Which words are single tokens of a model: what generated prompts are made of.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {

// How many tokens of the model `text` is; 0 if one of them is not the model's. Thread-safe, as all here.
absl::StatusOr<size_t> CountTokens(const ModelVocabulary& model, const std::string& text);

// The token that `text` is. FAILED_PRECONDITION, naming the text, if it is not exactly one of the model's.
absl::StatusOr<int> SingleToken(const ModelVocabulary& model, const std::string& text);

// Where a word stands in prompts: after a space, or also where nothing is before it.
enum class WordPlace { kAfterSpace, kAnywhere };

// Those of `words` that are single tokens in such places, in order. FAILED_PRECONDITION about `field` if they are fewer
// than `needed`; `kind` says what they are: "names".
absl::StatusOr<std::vector<std::string>> SingleTokenWords(const ModelVocabulary& model, absl::string_view field,
                                                          absl::string_view kind, const std::vector<std::string>& words,
                                                          WordPlace place, size_t needed);

}  // namespace circuitd
