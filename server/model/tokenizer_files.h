// The files that make a tokenizer: which ones there are, and reading them.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/tokenizer_vocabulary.h"

namespace circuitd {

// Every file name that Tokenizer::Load looks at; a folder has some of them or none.
const std::vector<std::string>& TokenizerFileNames();

// The bytes of folder/name; nullopt if there is no such file. FAILED_PRECONDITION, naming the file, if it is not a
// regular file or over 64 MiB.
absl::StatusOr<std::optional<std::string>> ReadTokenizerFile(const std::string& folder, const std::string& name);

// FAILED_PRECONDITION "file: what".
absl::Status TokenizerFileError(absl::string_view file, absl::string_view what);

// The JSON object that `text` is. FAILED_PRECONDITION, naming `file`, if it is none or ambiguous.
absl::StatusOr<nlohmann::json> ParseTokenizerObject(absl::string_view file, absl::string_view text);

// Adds the tokens of an object of spellings to ids. FAILED_PRECONDITION "file: where entry", `where` being what to call
// the object: "" or "model.vocab: ".
absl::Status AddVocabulary(absl::string_view file, absl::string_view where, const nlohmann::json& vocab,
                           BpeVocabularyBuilder& builder);

}  // namespace circuitd
