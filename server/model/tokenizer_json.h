// Tokenizers in Hugging Face's tokenizer.json.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/tokenizer_vocabulary.h"

namespace circuitd {

// Reads the text of a tokenizer.json. FAILED_PRECONDITION, naming the entry, for anything that would tokenize
// otherwise than GPT-2's byte-level BPE does: another model or pre-tokenizer, a normalizer, a post-processor that adds
// tokens, dropout, an unknown token, or a key that isn't known here. "truncation" and "padding" are ignored: they are
// defaults for a library's calls.
absl::StatusOr<BpeVocabulary> ParseTokenizerJson(absl::string_view text);

// FAILED_PRECONDITION, naming the key, if the text of a tokenizer_config.json asks for a space or for tokens to be put
// before or after every text.
absl::Status CheckTokenizerConfig(absl::string_view text);

}  // namespace circuitd
