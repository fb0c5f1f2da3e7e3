// Quotes names that come from files, for messages: escaped, shortened, always UTF-8.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace circuitd {

// `"wte.weight"`; control characters and bytes that are not UTF-8 as \xNN, "…" after the first 120 bytes.
std::string QuoteName(absl::string_view name);

}  // namespace circuitd
