// The files that make a tokenizer: which ones there are, and reading them.
#include "server/model/tokenizer_files.h"

#include <cstdint>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/input_file.h"
#include "server/model/quote.h"
#include "server/model/strict_json.h"

namespace circuitd {
namespace {
constexpr int64_t kMaxFileBytes = int64_t{64} << 20;
}  // namespace

const std::vector<std::string>& TokenizerFileNames() {
  static const auto& names = *new std::vector<std::string>{"tokenizer.json", "vocab.json", "merges.txt",
                                                           "added_tokens.json", "tokenizer_config.json"};
  return names;
}

absl::Status TokenizerFileError(absl::string_view file, absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(file, ": ", what));
}

absl::StatusOr<std::optional<std::string>> ReadTokenizerFile(const std::string& folder, const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(folder) / name;
  std::error_code error;
  if (std::filesystem::status(path, error).type() == std::filesystem::file_type::not_found) return std::nullopt;
  ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path.string(), name));
  return file.ReadAll(kMaxFileBytes);
}

absl::StatusOr<nlohmann::json> ParseTokenizerObject(absl::string_view file, absl::string_view text) {
  ASSIGN_OR_RETURN(nlohmann::json parsed, ParseStrictJson(text, file));
  if (!parsed.is_object()) return TokenizerFileError(file, absl::StrCat(parsed.type_name(), ", must be an object"));
  return parsed;
}

absl::Status AddVocabulary(absl::string_view file, absl::string_view where, const nlohmann::json& vocab,
                           BpeVocabularyBuilder& builder) {
  for (const auto& [spelling, id] : vocab.items()) {
    if (!id.is_number_integer()) {
      return TokenizerFileError(file,
                                absl::StrCat(where, "token ", QuoteName(spelling), ": its id is no whole number"));
    }
    // Numbers from 2^63 up come as unsigned ones; any id that is over the limit will do for the message.
    const int64_t number = id.is_number_unsigned() && id.get<uint64_t>() > INT64_MAX ? INT64_MAX : id.get<int64_t>();
    if (absl::Status added = builder.AddToken(spelling, number); !added.ok()) {
      return TokenizerFileError(file, absl::StrCat(where, added.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace circuitd
