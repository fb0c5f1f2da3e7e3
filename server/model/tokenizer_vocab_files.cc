// Tokenizers in GPT-2's own layout: vocab.json, merges.txt and, sometimes, added_tokens.json.
#include "server/model/tokenizer_vocab_files.h"

#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "server/model/quote.h"
#include "server/model/tokenizer_files.h"

namespace circuitd {
namespace {

constexpr char kVocab[] = "vocab.json";
constexpr char kMerges[] = "merges.txt";
constexpr char kAdded[] = "added_tokens.json";

// {"<|pad|>": 50257}: contents to ids.
absl::Status AddAddedTokens(absl::string_view text, BpeVocabularyBuilder& builder) {
  ASSIGN_OR_RETURN(const nlohmann::json added, ParseTokenizerObject(kAdded, text));
  for (const auto& [content, id] : added.items()) {
    if (!id.is_number_integer() || id < 0 || id > kMaxTokenId) {
      return TokenizerFileError(
          kAdded, absl::StrCat("token ", QuoteName(content), ": its id is no whole number of 0-", kMaxTokenId));
    }
    if (absl::Status status = builder.AddAddedToken({.content = content}, id.get<int64_t>()); !status.ok()) {
      return TokenizerFileError(kAdded, status.message());
    }
  }
  return absl::OkStatus();
}

// A line is two spellings with a space between. The first line may be "#version: 0.2".
absl::Status AddMerges(absl::string_view text, BpeVocabularyBuilder& builder) {
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    absl::string_view line = text.substr(0, end);
    text = end == absl::string_view::npos ? absl::string_view() : text.substr(end + 1);
    absl::ConsumeSuffix(&line, "\r");
    if (line.empty() || (number == 1 && absl::StartsWith(line, "#version"))) continue;

    const size_t space = line.find(' ');
    if (space == absl::string_view::npos || line.find(' ', space + 1) != absl::string_view::npos) {
      return TokenizerFileError(
          kMerges, absl::StrCat("line ", number, ": ", QuoteName(line), " is not two tokens with a space between"));
    }
    const absl::Status added =
        builder.AddMerge(std::string(line.substr(0, space)), std::string(line.substr(space + 1)));
    if (!added.ok()) return TokenizerFileError(kMerges, absl::StrCat("line ", number, ": ", added.message()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BpeVocabulary> ParseVocabFiles(absl::string_view vocab_json, absl::string_view merges_txt,
                                              std::optional<absl::string_view> added_tokens_json) {
  BpeVocabularyBuilder builder;
  if (added_tokens_json) RETURN_IF_ERROR(AddAddedTokens(*added_tokens_json, builder));
  ASSIGN_OR_RETURN(const nlohmann::json vocab, ParseTokenizerObject(kVocab, vocab_json));
  RETURN_IF_ERROR(AddVocabulary(kVocab, "", vocab, builder));
  RETURN_IF_ERROR(AddMerges(merges_txt, builder));
  // These files don't say which tokens are special: in GPT-2 it is this one.
  builder.MakeSpecial("<|endoftext|>");
  auto vocabulary = builder.Build();
  if (!vocabulary.ok()) return TokenizerFileError(kVocab, vocabulary.status().message());
  return vocabulary;
}

}  // namespace circuitd
