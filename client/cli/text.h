// Escaped text measured for a terminal, and numbers in words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace circuitd::client {

// Columns of escaped text: one for each character.
size_t DisplayWidth(absl::string_view text);

// At most `width` columns of escaped text; what is cut off is shown as "~" at the end.
std::string Truncate(absl::string_view text, size_t width);

// With spaces before it, or behind, up to `width` columns; longer text as it is.
std::string PadLeft(const std::string& text, size_t width);
std::string PadRight(const std::string& text, size_t width);

// "1,234,567".
std::string WithThousands(uint64_t value);

// "1 edge", "1,234 edges".
std::string CountOf(uint64_t count, absl::string_view noun);

// "1.5 GiB".
std::string ByteSize(uint64_t bytes);

// "0:07", "12:34", "1:02:03"; "-:--" for what is negative or not finite.
std::string ClockTime(double seconds);

}  // namespace circuitd::client
