#include "base/text_width.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/utf8.h"

namespace circuitd {
namespace {

constexpr char kEllipsis[] = "\u2026";

// Of U+0020 to U+007E, in hundredths of the font's size.
constexpr uint8_t kRegular[] = {32, 41, 46, 84, 64, 96, 78, 28, 40, 40, 50, 84, 32, 37,  32, 34, 64, 64, 64,
                                64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 54, 100, 69, 69, 70, 77, 64,
                                58, 78, 76, 30, 30, 66, 56, 87, 75, 79, 61, 79, 70, 64,  62, 74, 69, 99, 69,
                                62, 69, 40, 34, 40, 84, 50, 50, 62, 64, 55, 64, 62, 36,  64, 64, 28, 28, 58,
                                28, 98, 64, 62, 64, 64, 42, 53, 40, 64, 60, 82, 60, 60,  53, 64, 34, 64, 84};
constexpr uint8_t kBold[] = {35, 46,  53, 84, 70, 101, 88, 31,  46, 46, 53, 84, 38, 42,  38, 37, 70, 70,  70,
                             70, 70,  70, 70, 70, 70,  70, 40,  40, 84, 84, 84, 58, 100, 78, 77, 74, 83,  69,
                             69, 83,  84, 38, 38, 78,  64, 100, 84, 85, 74, 85, 77, 73,  69, 82, 78, 111, 78,
                             73, 73,  46, 37, 46, 84,  50, 50,  68, 72, 60, 72, 68, 44,  72, 72, 35, 35,  67,
                             35, 105, 72, 69, 72, 72,  50, 60,  48, 72, 66, 93, 65, 66,  59, 72, 37, 72,  84};

// In hundredths of the font's size, of the character that a sequence of `bytes` bytes encodes. Long sequences are
// ideographs and emoji.
int Advance(char lead, size_t bytes, FontWeight weight) {
  if (bytes > 1) return bytes < 4 ? 108 : 140;
  const bool printable = lead >= 0x20 && lead < 0x7f;
  if (!printable) return 100;
  return (weight == FontWeight::kBold ? kBold : kRegular)[lead - 0x20];
}

}  // namespace

int TextWidth(absl::string_view text, int size, FontWeight weight) {
  int64_t hundredths = 0;
  for (size_t at = 0; at < text.size(); at += Utf8SequenceLength(text[at])) {
    hundredths += Advance(text[at], Utf8SequenceLength(text[at]), weight);
  }
  return static_cast<int>((hundredths * size + 99) / 100);
}

std::string FitText(absl::string_view text, int width, int size, FontWeight weight) {
  if (TextWidth(text, size, weight) <= width) return std::string(text);
  const int64_t room = int64_t{width - TextWidth(kEllipsis, size, weight)} * 100 / size;
  int64_t hundredths = 0;
  size_t end = 0;
  while (end < text.size()) {
    const size_t bytes = Utf8SequenceLength(text[end]);
    hundredths += Advance(text[end], bytes, weight);
    if (hundredths > room) break;
    end += bytes;
  }
  return absl::StrCat(text.substr(0, end), kEllipsis);
}

}  // namespace circuitd
