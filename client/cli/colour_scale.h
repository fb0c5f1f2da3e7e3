// Colours of heat maps: readable with every kind of colour vision, in print and on dark and light terminals.
#pragma once

#include <cstdint>
#include <string>

#include "client/cli/heat_map.h"
#include "client/cli/terminal.h"

namespace circuitd::client {

struct Rgb {
  uint8_t red = 0;
  uint8_t green = 0;
  uint8_t blue = 0;
};

// Blue over white to red, or white to dark blue. `value` is finite; what is outside the range has the colour of its
// end.
Rgb ColourOf(ColourScale scale, ValueRange range, double value);

// Black or white, whichever is easier to read on `background`.
Rgb InkOn(Rgb background);

// "#2166ac".
std::string HexColour(Rgb colour);

// Escape sequences that choose the foreground, and the background; depth is not kNone.
std::string Foreground(Rgb colour, ColourDepth depth);
std::string Background(Rgb colour, ColourDepth depth);

inline constexpr char kResetColours[] = "\x1b[0m";
inline constexpr char kBold[] = "\x1b[1m";

}  // namespace circuitd::client
