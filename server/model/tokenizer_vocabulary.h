// What a byte-level BPE knows, tokens and merges, and the checks that make it consistent.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/tokenizer_added.h"

namespace circuitd {

inline constexpr int kMaxTokenId = (1 << 20) - 1;

struct BpeMerge {
  int rank = 0;    // lower ones are applied first; no two pairs share one
  int result = 0;  // id of the merged token
};

// Immutable once built.
struct BpeVocabulary {
  std::vector<std::string> token_bytes;  // by id; empty where an id is no token
  std::array<int, 256> byte_ids;         // ids of the single-byte tokens
  std::unordered_map<uint64_t, BpeMerge> merges;
  std::vector<AddedToken> added_tokens;

  // Null if the pair doesn't merge.
  const BpeMerge* FindMerge(int left, int right) const {
    const auto found = merges.find(PairKey(left, right));
    return found == merges.end() ? nullptr : &found->second;
  }
  static uint64_t PairKey(int left, int right) {
    return static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
  }
};

// Added tokens come first, then tokens, then merges in order of rank. Errors are FAILED_PRECONDITION and name the
// entry; the caller says in which file it stands. After an error the builder is of no more use. Not thread-safe.
class BpeVocabularyBuilder {
 public:
  absl::Status AddAddedToken(AddedToken token, int64_t id);
  // `spelling` is in the byte alphabet (tokenizer_byte_alphabet.h), or is an added token's content.
  absl::Status AddToken(const std::string& spelling, int64_t id);
  // The parts and the merged token are tokens, by their spellings.
  absl::Status AddMerge(const std::string& left, const std::string& right);
  // The token of that spelling is one token wherever its text stands; nothing happens if there is none.
  void MakeSpecial(const std::string& spelling);
  // Every byte must have a token, so that every text can be encoded. Call once.
  absl::StatusOr<BpeVocabulary> Build();

 private:
  absl::Status TakeId(absl::string_view token, int64_t id, std::string bytes);

  BpeVocabulary vocabulary_;
  std::unordered_map<std::string, int> id_of_spelling_;
  std::unordered_map<std::string, int> id_of_added_;
};

}  // namespace circuitd
