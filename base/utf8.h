// UTF-8: validation, and the length of its sequences.
#pragma once

#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"

namespace circuitd {

// Offset of the first byte that does not belong to well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms,
// at most U+10FFFF); nullopt when all of `text` is well-formed.
std::optional<size_t> FirstInvalidUtf8(absl::string_view text);

// Bytes of the well-formed sequence that begins with `lead`.
inline size_t Utf8SequenceLength(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

}  // namespace circuitd
