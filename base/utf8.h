// UTF-8 validation.
#pragma once

#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"

namespace circuitd {

// Offset of the first byte that does not belong to well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms,
// at most U+10FFFF); nullopt when all of `text` is well-formed.
std::optional<size_t> FirstInvalidUtf8(absl::string_view text);

}  // namespace circuitd
