// How wide text will be in a picture, which can't measure it.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace circuitd {

enum class FontWeight { kRegular, kBold };

// Pixels that well-formed UTF-8 takes in a sans-serif font of `size` pixels, rounded up. The advances are DejaVu Sans',
// which is wider than what other systems show; for what is not ASCII, a guess on the safe side.
int TextWidth(absl::string_view text, int size, FontWeight weight = FontWeight::kRegular);

// Well-formed UTF-8 in at most `width` pixels: what does not fit is cut off, and "…" stands for it.
std::string FitText(absl::string_view text, int width, int size, FontWeight weight = FontWeight::kRegular);

}  // namespace circuitd
