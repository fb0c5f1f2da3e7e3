// Text from elsewhere made safe to be shown.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace circuitd {

// Printable UTF-8 as it is; control characters, characters that change the direction of text or have no width, and
// bytes that are not UTF-8 as escapes: "\n", "\x1b", "\u202e", "\xff".
std::string EscapeText(absl::string_view bytes);

// EscapeText in double quotes, with '"' and '\' escaped too: shows a token's spaces, and where it ends.
std::string QuoteToken(absl::string_view bytes);

// EscapeText for grids, where a label must have as many columns as characters: letters that are wide, combine, or are
// written from right to left are escapes too.
std::string NarrowText(absl::string_view bytes);

}  // namespace circuitd
