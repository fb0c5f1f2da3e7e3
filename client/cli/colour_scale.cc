#include "client/cli/colour_scale.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace circuitd::client {
namespace {

// ColorBrewer's RdBu and Blues (Cynthia Brewer, colorbrewer2.org), from the low end to the high one.
constexpr std::array<Rgb, 9> kDiverging = {{{33, 102, 172},
                                            {67, 147, 195},
                                            {146, 197, 222},
                                            {209, 229, 240},
                                            {247, 247, 247},
                                            {253, 219, 199},
                                            {244, 165, 130},
                                            {214, 96, 77},
                                            {178, 24, 43}}};
constexpr std::array<Rgb, 9> kSequential = {{{247, 251, 255},
                                             {222, 235, 247},
                                             {198, 219, 239},
                                             {158, 202, 225},
                                             {107, 174, 214},
                                             {66, 146, 198},
                                             {33, 113, 181},
                                             {8, 81, 156},
                                             {8, 48, 107}}};

uint8_t Between(uint8_t a, uint8_t b, double share) { return static_cast<uint8_t>(std::lround(a + share * (b - a))); }

// Number of the nearest of the 256 colours: the 6 x 6 x 6 cube from 16 on, or the greys from 232 on.
int PaletteIndex(Rgb colour) {
  constexpr std::array<int, 6> kLevels = {0, 95, 135, 175, 215, 255};
  const auto nearest = [&](int value) {
    int best = 0;
    for (int i = 1; i < 6; ++i) {
      if (std::abs(kLevels[static_cast<size_t>(i)] - value) < std::abs(kLevels[static_cast<size_t>(best)] - value)) {
        best = i;
      }
    }
    return best;
  };
  const int red = nearest(colour.red), green = nearest(colour.green), blue = nearest(colour.blue);
  const auto level = [&](int index) { return kLevels[static_cast<size_t>(index)]; };
  const auto distance = [&](int r, int g, int b) {
    const int dr = r - colour.red, dg = g - colour.green, db = b - colour.blue;
    return dr * dr + dg * dg + db * db;
  };
  const int grey = std::clamp((colour.red + colour.green + colour.blue) / 3 - 8, 0, 230) / 10;
  const int grey_level = 8 + 10 * grey;
  const bool grey_is_nearer =
      distance(grey_level, grey_level, grey_level) < distance(level(red), level(green), level(blue));
  return grey_is_nearer ? 232 + grey : 16 + 36 * red + 6 * green + blue;
}

std::string Sequence(int base, Rgb colour, ColourDepth depth) {
  if (depth == ColourDepth::k24Bit) {
    return absl::StrCat("\x1b[", base, ";2;", colour.red, ";", colour.green, ";", colour.blue, "m");
  }
  return absl::StrCat("\x1b[", base, ";5;", PaletteIndex(colour), "m");
}

}  // namespace

Rgb ColourOf(ColourScale scale, ValueRange range, double value) {
  const std::array<Rgb, 9>& stops = scale == ColourScale::kDiverging ? kDiverging : kSequential;
  const double share = std::clamp((value / 2 - range.low / 2) / (range.high / 2 - range.low / 2), 0.0, 1.0);
  const double place = share * static_cast<double>(stops.size() - 1);
  const auto stop = std::min(static_cast<size_t>(place), stops.size() - 2);
  const double rest = place - static_cast<double>(stop);
  return {Between(stops[stop].red, stops[stop + 1].red, rest), Between(stops[stop].green, stops[stop + 1].green, rest),
          Between(stops[stop].blue, stops[stop + 1].blue, rest)};
}

Rgb InkOn(Rgb background) {
  // Relative luminance, with gamma 2.2 in place of sRGB's curve; contrast with black and white is equal at 0.18.
  const auto linear = [](uint8_t value) { return std::pow(value / 255.0, 2.2); };
  const double luminance =
      0.2126 * linear(background.red) + 0.7152 * linear(background.green) + 0.0722 * linear(background.blue);
  return luminance > 0.18 ? Rgb{0, 0, 0} : Rgb{255, 255, 255};
}

std::string HexColour(Rgb colour) { return absl::StrFormat("#%02x%02x%02x", colour.red, colour.green, colour.blue); }

std::string Foreground(Rgb colour, ColourDepth depth) { return Sequence(38, colour, depth); }

std::string Background(Rgb colour, ColourDepth depth) { return Sequence(48, colour, depth); }

}  // namespace circuitd::client
