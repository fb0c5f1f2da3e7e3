// What a byte-level BPE knows, tokens and merges, and the checks that make it consistent.
#include "server/model/tokenizer_vocabulary.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "server/model/quote.h"
#include "server/model/tokenizer_byte_alphabet.h"

namespace circuitd {

absl::Status BpeVocabularyBuilder::TakeId(absl::string_view token, int64_t id, std::string bytes) {
  if (id < 0 || id > kMaxTokenId) {
    return absl::FailedPreconditionError(
        absl::StrCat("token ", QuoteName(token), ": id ", id, ", must be 0-", kMaxTokenId));
  }
  auto& all = vocabulary_.token_bytes;
  if (static_cast<size_t>(id) >= all.size()) all.resize(id + 1);
  if (!all[id].empty()) {
    return absl::FailedPreconditionError(absl::StrCat("token ", QuoteName(token), ": id ", id, " is also the token ",
                                                      QuoteName(SpellBytes(all[id])), "'s"));
  }
  all[id] = std::move(bytes);
  return absl::OkStatus();
}

absl::Status BpeVocabularyBuilder::AddAddedToken(AddedToken token, int64_t id) {
  if (token.content.empty()) return absl::FailedPreconditionError("added token is empty");
  if (id_of_added_.contains(token.content)) {
    return absl::FailedPreconditionError(absl::StrCat("added token ", QuoteName(token.content), " is there twice"));
  }
  RETURN_IF_ERROR(TakeId(token.content, id, token.content));
  token.id = static_cast<int>(id);
  id_of_added_.emplace(token.content, token.id);
  vocabulary_.added_tokens.push_back(std::move(token));
  return absl::OkStatus();
}

absl::Status BpeVocabularyBuilder::AddToken(const std::string& spelling, int64_t id) {
  if (const auto added = id_of_added_.find(spelling); added != id_of_added_.end()) {
    if (added->second != id) {
      return absl::FailedPreconditionError(absl::StrCat("token ", QuoteName(spelling), ": id ", id,
                                                        ", but as an added token it has id ", added->second));
    }
    id_of_spelling_.emplace(spelling, added->second);
    return absl::OkStatus();
  }
  std::optional<std::string> bytes = BytesOfSpelling(spelling);
  if (!bytes || bytes->empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "token ", QuoteName(spelling), bytes ? " is empty" : " is not spelt in the alphabet of byte-level BPE"));
  }
  RETURN_IF_ERROR(TakeId(spelling, id, *std::move(bytes)));
  id_of_spelling_.emplace(spelling, static_cast<int>(id));
  return absl::OkStatus();
}

absl::Status BpeVocabularyBuilder::AddMerge(const std::string& left, const std::string& right) {
  const auto error = [&](absl::string_view what) {
    return absl::FailedPreconditionError(
        absl::StrCat("merge of ", QuoteName(left), " and ", QuoteName(right), ": ", what));
  };
  if (left.empty() || right.empty()) return error("a part is empty");
  std::array<int, 3> ids;
  size_t at = 0;
  for (const std::string& spelling : {left, right, left + right}) {
    const auto found = id_of_spelling_.find(spelling);
    if (found == id_of_spelling_.end()) return error(absl::StrCat(QuoteName(spelling), " is not in the vocabulary"));
    ids[at++] = found->second;
  }
  const BpeMerge merge{.rank = static_cast<int>(vocabulary_.merges.size()), .result = ids[2]};
  if (!vocabulary_.merges.emplace(BpeVocabulary::PairKey(ids[0], ids[1]), merge).second) return error("is there twice");
  return absl::OkStatus();
}

void BpeVocabularyBuilder::MakeSpecial(const std::string& spelling) {
  const auto found = id_of_spelling_.find(spelling);
  if (found == id_of_spelling_.end() || id_of_added_.contains(spelling)) return;
  id_of_added_.emplace(spelling, found->second);
  vocabulary_.added_tokens.push_back({.content = *BytesOfSpelling(spelling), .id = found->second});
}

absl::StatusOr<BpeVocabulary> BpeVocabularyBuilder::Build() {
  int missing = 0;
  int first_missing = 0;
  for (int byte = 255; byte >= 0; --byte) {
    const auto found = id_of_spelling_.find(SpellBytes(std::string(1, static_cast<char>(byte))));
    if (found == id_of_spelling_.end()) {
      ++missing;
      first_missing = byte;
    } else {
      vocabulary_.byte_ids[byte] = found->second;
    }
  }
  if (missing > 0) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%d of the 256 single-byte tokens are missing, the first of them %s (byte 0x%02X)", missing,
                        QuoteName(SpellBytes(std::string(1, static_cast<char>(first_missing)))), first_missing));
  }
  return std::move(vocabulary_);
}

}  // namespace circuitd
