// What the colours of a heat map's picture mean: a bar with numbers beside it, and the quantity's name above.
#pragma once

#include <string>
#include <vector>

#include "client/cli/heat_map.h"

namespace circuitd::client {

// Round numbers, 1, 2 or 5 times a power of ten apart, 0 among them: at most `most` (two or more) within the range,
// which holds 0. Ascending.
std::vector<double> RoundTicks(ValueRange range, int most);

class ColourBar {
 public:
  explicit ColourBar(const HeatMap& map);

  static constexpr int kLeastHeight = 72;
  static constexpr int kMostHeight = 240;

  // Of the bar with its texts, at any height.
  int width() const;
  // From (left, top) on; the quantity's name stands above that.
  std::string Svg(int left, int top, int height) const;

  // What the bars of a picture are filled with: children of <defs>.
  static std::string Gradients();

 private:
  ColourScale scale_;
  ValueRange range_;
  std::string quantity_;  // as there is room for it
};

}  // namespace circuitd::client
