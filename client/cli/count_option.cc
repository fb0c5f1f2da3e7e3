#include "client/cli/count_option.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace circuitd::client {

std::string CheckCount(std::string& text) {
  uint64_t value = 0;
  const bool digits =
      std::all_of(text.begin(), text.end(), [](unsigned char c) { return absl::ascii_isdigit(c) != 0; });
  if (!digits || !absl::SimpleAtoi(text, &value)) return absl::StrCat("'", text, "' is no whole number from 0");
  // Without zeros before it, which the parser would take for octal.
  text = absl::StrCat(value);
  return "";
}

}  // namespace circuitd::client
