// Tokenizers in GPT-2's own layout: vocab.json, merges.txt and, sometimes, added_tokens.json.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/tokenizer_vocabulary.h"

namespace circuitd {

// Reads the texts of the three files. FAILED_PRECONDITION names file and entry, or line.
absl::StatusOr<BpeVocabulary> ParseVocabFiles(absl::string_view vocab_json, absl::string_view merges_txt,
                                              std::optional<absl::string_view> added_tokens_json);

}  // namespace circuitd
