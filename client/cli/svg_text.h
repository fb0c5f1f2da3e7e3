// Pieces of the pictures of results: text from anywhere, and boxes.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace circuitd::client {

inline constexpr char kInk[] = "#1d2733";
inline constexpr char kQuietInk[] = "#5a6673";
inline constexpr char kFaintInk[] = "#c2cad3";

// Anything as well-formed text of XML, with escapes for what is not printable.
std::string XmlEscaped(absl::string_view text);

std::string SvgText(int x, int baseline, absl::string_view attributes, absl::string_view text);

// Begins a <rect>, which is to be ended by "/>" or has children: `attributes` may have the end in it.
std::string SvgRect(int x, int y, int width, int height, absl::string_view attributes);

// `font-size="12" fill="…"`, of what explains the picture.
std::string QuietText(int size);

}  // namespace circuitd::client
