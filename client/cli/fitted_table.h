// A table that fits a screen: columns give way until its lines are narrow enough, and cells may be bars.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/colour_scale.h"
#include "client/cli/terminal.h"

namespace circuitd::client {

struct FittedColumn {
  std::string heading;
  // 0: its cells are never cut; else down to that many columns.
  size_t least = 0;
  // The column of the least worth is the first to go; the first column always stays.
  int worth = 0;
  bool right = false;
};

struct FittedCell {
  std::string text;
  // A share that is drawn as a bar before the text.
  std::optional<double> bar = {};
  // Of the bar, or else the text.
  std::optional<Rgb> colour = {};
};

class FittedTable {
 public:
  explicit FittedTable(std::vector<FittedColumn> columns);

  // A cell for each column, of anybody's text: it is made safe, and one column wide for each character.
  void Add(std::vector<FittedCell> cells);
  size_t rows() const { return rows_.size(); }

  // The heading and the first `rows` rows, a line each, without newlines, of at most `width` columns (0: no limit).
  // What fits is the same however many rows there are room for. Columns in which all cells are empty are left out.
  // Where lines are too wide, texts lose their ends, the widest first; then columns go. Bars take what room is left.
  // Headings are bold if there are colours.
  std::vector<std::string> Render(size_t width, size_t rows, ColourDepth depth) const;

 private:
  struct Placed {
    size_t index;
    size_t width;  // without the bar
    size_t bar;    // columns of the bar with its space; 0: it has none
  };

  std::vector<Placed> Place(size_t width) const;
  std::string Line(const std::vector<FittedCell>& cells, const std::vector<Placed>& places, ColourDepth depth) const;

  const std::vector<FittedColumn> columns_;
  std::vector<std::vector<FittedCell>> rows_;
};

}  // namespace circuitd::client
