// GPT-2's spelling of arbitrary bytes with printable characters, as vocab.json and merges.txt use it.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace circuitd {

// Each byte as one printable character, in UTF-8: a letter as itself, a space as "Ġ". Thread-safe.
std::string SpellBytes(absl::string_view bytes);

// The bytes that SpellBytes spells as `spelling`; nullopt if a character of it spells none. Thread-safe.
std::optional<std::string> BytesOfSpelling(absl::string_view spelling);

}  // namespace circuitd
