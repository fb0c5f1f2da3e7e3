#include "server/graph/svg_parts.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/text_width.h"
#include "server/graph/document_text.h"

namespace circuitd {
namespace {

constexpr int kHeadingSize = 20;
constexpr int kSmallestHeading = 13;

int HeadingSize(absl::string_view text) {
  int size = kHeadingSize;
  while (size > kSmallestHeading && TextWidth(text, size, FontWeight::kBold) > kMostTextWidth) --size;
  return size;
}

std::string FittedHeading(absl::string_view text) {
  return FitText(text, kMostTextWidth, HeadingSize(text), FontWeight::kBold);
}

}  // namespace

std::string XmlText(absl::string_view text) {
  return absl::StrReplaceAll(CleanText(text),
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string SvgStart(int width, int height, absl::string_view title, absl::string_view description) {
  return absl::StrCat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", width, "\" height=\"", height, "\" viewBox=\"0 0 ", width,
      " ", height,
      "\" role=\"img\" aria-labelledby=\"circuit-title circuit-desc\" font-family=\"system-ui, -apple-system, 'Segoe "
      "UI', Roboto, 'DejaVu Sans', sans-serif\">\n<title id=\"circuit-title\">",
      XmlText(title), "</title>\n<desc id=\"circuit-desc\">", XmlText(description),
      "</desc>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
}

std::string SvgHeading(int x, int baseline, absl::string_view text) {
  const std::string clean = CleanText(text);
  return SvgText(x, baseline,
                 absl::StrCat("font-size=\"", HeadingSize(clean), "\" font-weight=\"600\" fill=\"", kInk, "\""),
                 FittedHeading(clean));
}

int HeadingWidth(absl::string_view text) {
  const std::string clean = CleanText(text);
  return TextWidth(FittedHeading(clean), HeadingSize(clean), FontWeight::kBold);
}

std::string SvgText(int x, int baseline, absl::string_view attributes, absl::string_view text) {
  return absl::StrCat("<text x=\"", x, "\" y=\"", baseline, "\" ", attributes, ">", XmlText(text), "</text>\n");
}

std::string SvgRect(int x, int y, int width, int height, int radius, absl::string_view attributes) {
  return absl::StrCat("<rect x=\"", x, "\" y=\"", y, "\" width=\"", width, "\" height=\"", height, "\" rx=\"", radius,
                      "\" ", attributes, "/>\n");
}

std::string SvgArrow(int x, int foot, int tip) {
  return absl::StrCat("<path d=\"M", x, " ", foot, "V", tip + 6, "\" stroke=\"", kStream,
                      "\" stroke-width=\"2\" fill=\"none\"/>\n<path d=\"M", x, " ", tip, "l-5 9h10z\" fill=\"", kStream,
                      "\"/>\n");
}

std::string QuietText(int size) { return absl::StrCat("font-size=\"", size, "\" fill=\"", kQuietInk, "\""); }

}  // namespace circuitd
