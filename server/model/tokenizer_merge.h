// The merge loop of byte-pair encoding.
#pragma once

#include <vector>

#include "absl/strings/string_view.h"
#include "server/model/tokenizer_vocabulary.h"

namespace circuitd {

// Appends the tokens of one pre-tokenized word: starting from its bytes, the adjacent pair of lowest rank is merged,
// the leftmost first, until no pair merges (Sennrich et al. 2016). O(n log n) in the bytes of the word. Thread-safe.
void AppendBpeTokens(const BpeVocabulary& vocabulary, absl::string_view word, std::vector<int>& ids);

}  // namespace circuitd
