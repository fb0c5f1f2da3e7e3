// Loads a tokenizer from its files, and encodes: added tokens first, then words, then merges.
#include "server/model/tokenizer.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/utf8.h"
#include "server/model/tokenizer_added.h"
#include "server/model/tokenizer_files.h"
#include "server/model/tokenizer_json.h"
#include "server/model/tokenizer_merge.h"
#include "server/model/tokenizer_split.h"
#include "server/model/tokenizer_vocab_files.h"
#include "server/model/tokenizer_vocabulary.h"

namespace circuitd {
namespace {

class ByteLevelBpe : public Tokenizer {
 public:
  ByteLevelBpe(BpeVocabulary vocabulary, std::unique_ptr<PreTokenizer> pre_tokenizer)
      : vocabulary_(std::move(vocabulary)),
        added_tokens_(vocabulary_.added_tokens),
        pre_tokenizer_(std::move(pre_tokenizer)) {}

  absl::StatusOr<std::vector<int>> Encode(absl::string_view text) const override {
    if (const auto invalid = FirstInvalidUtf8(text)) {
      return absl::InvalidArgumentError(absl::StrCat("byte ", *invalid, " is not UTF-8"));
    }
    std::vector<int> ids;
    absl::Status status;
    added_tokens_.Split(
        text,
        [&](absl::string_view piece) {
          if (!status.ok()) return;
          status =
              pre_tokenizer_->Split(piece, [&](absl::string_view word) { AppendBpeTokens(vocabulary_, word, ids); });
        },
        [&](int id) { ids.push_back(id); });
    RETURN_IF_ERROR(status);
    return ids;
  }

  std::string TokenBytes(int id) const override {
    return id >= 0 && id < size() ? vocabulary_.token_bytes[id] : std::string();
  }

  int size() const override { return static_cast<int>(vocabulary_.token_bytes.size()); }

 private:
  const BpeVocabulary vocabulary_;
  const AddedTokenSplitter added_tokens_;
  const std::unique_ptr<PreTokenizer> pre_tokenizer_;
};

absl::StatusOr<BpeVocabulary> LoadVocabulary(const std::string& folder) {
  ASSIGN_OR_RETURN(const auto tokenizer_json, ReadTokenizerFile(folder, "tokenizer.json"));
  if (tokenizer_json) return ParseTokenizerJson(*tokenizer_json);

  ASSIGN_OR_RETURN(const auto vocab, ReadTokenizerFile(folder, "vocab.json"));
  ASSIGN_OR_RETURN(const auto merges, ReadTokenizerFile(folder, "merges.txt"));
  if (!vocab && !merges) {
    return absl::NotFoundError("no tokenizer files: neither tokenizer.json nor vocab.json and merges.txt");
  }
  if (!vocab) return TokenizerFileError("vocab.json", "missing, though merges.txt is there");
  if (!merges) return TokenizerFileError("merges.txt", "missing, though vocab.json is there");
  ASSIGN_OR_RETURN(const auto added, ReadTokenizerFile(folder, "added_tokens.json"));
  return ParseVocabFiles(*vocab, *merges, added ? std::optional<absl::string_view>(*added) : std::nullopt);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> Tokenizer::Load(const std::string& folder) {
  ASSIGN_OR_RETURN(BpeVocabulary vocabulary, LoadVocabulary(folder));
  ASSIGN_OR_RETURN(const auto config, ReadTokenizerFile(folder, "tokenizer_config.json"));
  if (config) RETURN_IF_ERROR(CheckTokenizerConfig(*config));
  ASSIGN_OR_RETURN(auto pre_tokenizer, PreTokenizer::Create());
  return std::make_unique<ByteLevelBpe>(std::move(vocabulary), std::move(pre_tokenizer));
}

}  // namespace circuitd
