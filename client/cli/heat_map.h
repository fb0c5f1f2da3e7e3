// A grid of numbers to be looked at, and its picture in a terminal.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/terminal.h"

namespace circuitd::client {

enum class ColourScale {
  kDiverging,   // around zero: the sign means something
  kSequential,  // from the lowest value, at most zero, up
};

struct HeatMap {
  std::string title;
  std::string row_axis;       // "layer"
  std::string column_axis;    // "head"
  std::string quantity = "";  // "probability": what the numbers are, beside a picture's colours
  std::vector<std::string> rows;
  std::vector<std::string> columns;
  std::vector<double> values;  // [rows, columns]; what is not finite is shown as missing
  // Words to stand in the cells in place of the numbers; none, or as many as `values`.
  std::vector<std::string> words = {};
  ColourScale scale = ColourScale::kDiverging;
  // Cells that are pointed out, as {row, column}, and what they are.
  std::set<std::pair<size_t, size_t>> outlined = {};
  std::string outline_caption = "";

  double at(size_t row, size_t column) const { return values[row * columns.size() + column]; }
};

// The values at both ends of the colour scale; low < high.
struct ValueRange {
  double low;
  double high;
};
ValueRange RangeOf(const HeatMap& map);

// Digits after the point that tell values of this range apart: 2, or up to 5 where all are small.
int DecimalsOf(ValueRange range);

// "0.12", "-3.45", with fewer decimals where the number is large; "1.2e+05" for what would be long; "-" for what is not
// finite.
std::string CellText(double value, int decimals);

// What stands in a cell with room for at most `width` characters: its word, cut, or its number.
std::string CellLabel(const HeatMap& map, size_t row, size_t column, size_t width, int decimals);

// At most so many rows and columns: neighbours are merged to the value farthest from zero among them, and have the
// first one's label.
HeatMap Coarsened(const HeatMap& map, size_t max_rows, size_t max_columns);

// Title, column labels, a line for each row, and a legend, in lines of at most `width` columns (0: no limit). With
// colours, cells are as wide as there is room: with numbers, without, or merged. Without colours all numbers are there,
// columns that do not fit beneath the others.
std::string RenderHeatMap(const HeatMap& map, size_t width, ColourDepth depth);

}  // namespace circuitd::client
