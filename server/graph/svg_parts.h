// Pieces of SVG, and the colours that all pictures share.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace circuitd {

// Contrast of white text on the first two is over 5:1, as on kInk and kQuietInk, which are used for text on white, too.
inline constexpr char kHeadColor[] = "#2b5ea7";
inline constexpr char kMlpColor[] = "#a8480a";
inline constexpr char kInk[] = "#1d2733";
inline constexpr char kQuietInk[] = "#5a6673";
inline constexpr char kBar[] = "#e8ebef";
inline constexpr char kFaint[] = "#f4f6f8";
inline constexpr char kFaintEdge[] = "#dfe4ea";
inline constexpr char kStream[] = "#c2cad3";

// Well-formed text of XML, in elements and attributes.
std::string XmlText(absl::string_view text);

// The picture's start: its size, what a screen reader says in place of it, and white ground. It ends with "</svg>\n".
std::string SvgStart(int width, int height, absl::string_view title, absl::string_view description);

// The picture's heading, in smaller letters where it is long, and cut where it is longer still; how wide it gets.
std::string SvgHeading(int x, int baseline, absl::string_view text);
int HeadingWidth(absl::string_view text);

std::string SvgText(int x, int baseline, absl::string_view attributes, absl::string_view text);
std::string SvgRect(int x, int y, int width, int height, int radius, absl::string_view attributes);
// Upwards from `foot` to `tip`.
std::string SvgArrow(int x, int foot, int tip);

// No text makes a picture wider than this.
inline constexpr int kMostTextWidth = 1000;

// `font-size="11" fill="…"`, of what explains the picture.
std::string QuietText(int size);

}  // namespace circuitd
