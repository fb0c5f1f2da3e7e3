#include "server/model/quote.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"

namespace circuitd {

std::string QuoteName(absl::string_view name) {
  constexpr size_t kMaxBytes = 120;
  const bool is_utf8 = !FirstInvalidUtf8(name).has_value();
  const bool is_long = name.size() > kMaxBytes;
  if (is_long) {
    name = name.substr(0, kMaxBytes);
    // The cut may have left the beginning of a character.
    if (is_utf8) name = name.substr(0, FirstInvalidUtf8(name).value_or(name.size()));
  }
  return absl::StrCat("\"", is_utf8 ? absl::Utf8SafeCHexEscape(name) : absl::CHexEscape(name), is_long ? "…" : "",
                      "\"");
}

}  // namespace circuitd
