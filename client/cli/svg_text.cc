#include "client/cli/svg_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/escape_text.h"

namespace circuitd::client {

std::string XmlEscaped(absl::string_view text) {
  return absl::StrReplaceAll(EscapeText(text),
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string SvgText(int x, int baseline, absl::string_view attributes, absl::string_view text) {
  return absl::StrCat("<text x=\"", x, "\" y=\"", baseline, "\" ", attributes, ">", XmlEscaped(text), "</text>\n");
}

std::string SvgRect(int x, int y, int width, int height, absl::string_view attributes) {
  return absl::StrCat("<rect x=\"", x, "\" y=\"", y, "\" width=\"", width, "\" height=\"", height, "\" ", attributes);
}

std::string QuietText(int size) { return absl::StrCat("font-size=\"", size, "\" fill=\"", kQuietInk, "\""); }

}  // namespace circuitd::client
