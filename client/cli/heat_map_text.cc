// Heat maps in a terminal, or in a plain text file.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/escape_text.h"
#include "client/cli/colour_scale.h"
#include "client/cli/heat_map.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

constexpr size_t kMaxRows = 128;        // of a terminal's picture; a file has all
constexpr size_t kTallestLabel = 14;    // of columns, written downwards
constexpr size_t kNarrowestBroken = 6;  // cells whose labels are broken into lines
constexpr size_t kLongestLabel = 32;
constexpr size_t kLegendCells = 20;
constexpr size_t kPlainGap = 2;
constexpr size_t kNarrowest = 3;  // a label, a space and a cell
constexpr size_t kLongestWord = 12;

size_t Widest(const std::vector<std::string>& texts) {
  size_t width = 0;
  for (const std::string& text : texts) width = std::max(width, DisplayWidth(text));
  return width;
}

std::vector<std::string> Labels(const std::vector<std::string>& labels, size_t width) {
  std::vector<std::string> out;
  for (const std::string& label : labels) out.push_back(Truncate(NarrowText(label), width));
  return out;
}

// The characters of a label, each a string of its own.
std::vector<std::string> Letters(const std::string& text) {
  std::vector<std::string> letters;
  for (char c : text) {
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) letters.emplace_back();
    letters.back().push_back(c);
  }
  return letters;
}

std::string Line(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

// A label as lines of at most `chunk` letters; the number that a position's begins with has a line of its own, unless
// there is no more than a letter's room.
std::vector<std::string> BrokenLabel(const std::string& label, size_t chunk) {
  const size_t space = label.find(' ');
  const bool numbered = chunk > 1 && space != label.npos && space > 0 && space <= chunk &&
                        absl::ascii_isdigit(static_cast<unsigned char>(label[space - 1]));
  std::vector<std::string> lines;
  if (numbered) lines.push_back(label.substr(0, space));
  size_t in_line = chunk;
  for (const std::string& letter : Letters(numbered ? label.substr(space + 1) : label)) {
    if (in_line == chunk) {
      lines.emplace_back();
      in_line = 0;
    }
    lines.back() += letter;
    ++in_line;
  }
  return lines;
}

// The number that a position's label begins with, or that a head's is; empty if there is none.
std::string NumberOf(const std::string& label) {
  const size_t end = label.find_first_not_of("0123456789", label.starts_with('-') ? 1 : 0);
  return end == label.npos || label[end] == ' ' ? label.substr(0, end) : "";
}

// Those of the numbers above their cells that have room beside those before them.
std::string Ruler(const std::vector<std::string>& numbers, size_t left, size_t cell) {
  std::string line(left, ' ');
  for (size_t i = 0; i < numbers.size(); ++i) {
    const size_t end = left + (i + 1) * cell;
    if (numbers[i].size() > end || (i > 0 && end - numbers[i].size() <= line.size())) continue;
    line.resize(std::max(line.size(), end), ' ');
    line.replace(end - numbers[i].size(), line.npos, numbers[i]);
  }
  return Line(line);
}

// Labels above cells of `cell` columns, of which one stays free. Where one of them does not fit, all are broken, or,
// above narrow cells, written downwards, with numbers as a ruler above. They stand on the grid; numbers of
// lines of their own are above.
std::string ColumnLabels(const std::vector<std::string>& all, size_t left, size_t cell) {
  const bool narrow = cell < kNarrowestBroken;
  std::vector<std::string> labels = Labels(all, narrow ? kTallestLabel : kLongestLabel);
  const bool fit = Widest(labels) < std::max<size_t>(cell, 2);
  std::vector<std::string> numbers;
  for (const std::string& label : labels) numbers.push_back(NumberOf(label));
  const bool ruled =
      !fit && narrow && std::none_of(numbers.begin(), numbers.end(), [](const auto& n) { return n.empty(); });
  for (size_t i = 0; ruled && i < labels.size(); ++i) labels[i].erase(0, numbers[i].size() + 1);
  std::vector<std::vector<std::string>> stacks;
  size_t height = 0;
  for (const std::string& label : labels) {
    stacks.push_back(fit ? std::vector<std::string>{label} : BrokenLabel(label, narrow ? 1 : cell - 1));
    height = std::max(height, stacks.back().size());
  }
  std::vector<std::string> lines(height, std::string(left, ' '));
  for (std::vector<std::string>& stack : stacks) {
    const bool numbered = !fit && !narrow && stack.size() > 1;
    stack.insert(stack.begin() + (numbered ? 1 : 0), height - stack.size(), "");
    for (size_t level = 0; level < height; ++level) absl::StrAppend(&lines[level], PadLeft(stack[level], cell));
  }
  std::string out = ruled ? Ruler(numbers, left, cell) : "";
  for (std::string& line : lines) out += Line(std::move(line));
  return out;
}

// The title, "[layer x head]", cut to the width.
std::string Heading(const HeatMap& map, size_t width) {
  const std::string axes = map.row_axis.empty() && map.column_axis.empty()
                               ? ""
                               : absl::StrCat("  [", map.row_axis, " x ", map.column_axis, "]");
  const std::string text = EscapeText(absl::StrCat(map.title, axes));
  return Line(width > 0 ? Truncate(text, width) : text);
}

class ColourPicture {
 public:
  ColourPicture(const HeatMap& map, size_t width, ColourDepth depth)
      : depth_(depth), width_(width > 0 ? std::max(width, kNarrowest) : 200) {
    // The last column stays free: some terminals wrap when it is written.
    const size_t labels = std::clamp(Widest(Labels(map.rows, 40)), size_t{1}, std::max<size_t>(width_ / 3, 1));
    left_ = labels + 1;
    const size_t room = width_ > left_ + 1 ? width_ - left_ - 1 : 1;
    map_ = Coarsened(map, kMaxRows, room);
    range_ = RangeOf(map_);
    decimals_ = DecimalsOf(range_);
    const size_t number = LabelWidth() + 1;
    const size_t share = room / std::max<size_t>(map_.columns.size(), 1);
    numbers_ = share >= number;
    cell_ = numbers_ ? number : std::clamp<size_t>(share, 1, 3);
  }

  std::string Render() const {
    std::string out = Heading(map_, width_ - 1);
    out += ColumnLabels(map_.columns, left_, cell_);
    const std::vector<std::string> labels = Labels(map_.rows, left_ - 1);
    for (size_t row = 0; row < map_.rows.size(); ++row) {
      absl::StrAppend(&out, PadLeft(labels[row], left_ - 1), " ");
      for (size_t column = 0; column < map_.columns.size(); ++column) out += Cell(row, column);
      out += "\n";
    }
    return out + Legend();
  }

 private:
  size_t LabelWidth() const {
    size_t width = 0;
    for (size_t row = 0; row < map_.rows.size(); ++row) {
      for (size_t column = 0; column < map_.columns.size(); ++column) {
        width = std::max(width, DisplayWidth(CellLabel(map_, row, column, kLongestWord, decimals_)));
      }
    }
    return width;
  }

  std::string Cell(size_t row, size_t column) const {
    const double value = map_.at(row, column);
    const bool outlined = map_.outlined.contains({row, column});
    if (!std::isfinite(value)) return PadLeft(outlined ? "*" : "·", cell_);
    const Rgb colour = ColourOf(map_.scale, range_, value);
    std::string text;
    if (numbers_) {
      text = PadLeft(CellLabel(map_, row, column, kLongestWord, decimals_), cell_);
      if (outlined) text[0] = '*';  // a number leaves its first column free
    } else if (outlined) {
      text = PadRight("*", cell_);
    } else {
      std::string blocks;
      for (size_t i = 0; i < cell_; ++i) blocks += "█";
      return absl::StrCat(Foreground(colour, depth_), blocks, kResetColours);
    }
    return absl::StrCat(Background(colour, depth_), Foreground(InkOn(colour), depth_), text, kResetColours);
  }

  std::string Legend() const {
    std::string caption = map_.outlined.empty() ? "" : EscapeText(absl::StrCat("  * ", map_.outline_caption));
    const std::string low = CellText(range_.low, decimals_), high = CellText(range_.high, decimals_);
    const size_t words = left_ + low.size() + high.size() + 2;
    if (words + 2 > width_) return "";
    const size_t cells = std::min(kLegendCells, width_ - 1 - words);
    std::string bar;
    for (size_t i = 0; i < cells; ++i) {
      const double share = cells > 1 ? static_cast<double>(i) / static_cast<double>(cells - 1) : 0.5;
      const double value = range_.low * (1 - share) + range_.high * share;
      absl::StrAppend(&bar, Foreground(ColourOf(map_.scale, range_, value), depth_), "█");
    }
    caption = Truncate(caption, width_ - 1 - words - cells);
    return absl::StrCat(std::string(left_, ' '), low, " ", bar, kResetColours, " ", high, caption, "\n");
  }

  const ColourDepth depth_;
  const size_t width_;
  size_t left_ = 0;
  HeatMap map_;
  size_t cell_ = 1;
  bool numbers_ = false;
  ValueRange range_{};
  int decimals_ = 2;
};

// Columns [begin, end) as numbers.
std::string PlainColumns(const HeatMap& map, const std::vector<std::string>& labels, size_t cell, int decimals,
                         size_t begin, size_t end) {
  const size_t left = Widest(labels);
  const std::vector<std::string> columns(map.columns.begin() + static_cast<std::ptrdiff_t>(begin),
                                         map.columns.begin() + static_cast<std::ptrdiff_t>(end));
  std::string out = ColumnLabels(columns, left, cell);
  for (size_t row = 0; row < map.rows.size(); ++row) {
    std::string line = PadLeft(labels[row], left);
    for (size_t column = begin; column < end; ++column) {
      const std::string mark = map.outlined.contains({row, column}) ? "*" : "";
      absl::StrAppend(&line, PadLeft(absl::StrCat(mark, CellLabel(map, row, column, kLongestWord, decimals)), cell));
    }
    out += Line(line);
  }
  return out;
}

std::string RenderPlain(const HeatMap& map, size_t width) {
  const std::vector<std::string> labels = Labels(map.rows, width > 0 ? std::max<size_t>(width / 3, 1) : 40);
  const int decimals = DecimalsOf(RangeOf(map));
  size_t cell = 1;
  for (size_t row = 0; row < map.rows.size(); ++row) {
    for (size_t column = 0; column < map.columns.size(); ++column) {
      cell = std::max(cell, DisplayWidth(CellLabel(map, row, column, kLongestWord, decimals)));
    }
  }
  cell += kPlainGap;
  const size_t room = width > Widest(labels) ? (width - Widest(labels)) / cell : 0;
  const size_t together = width == 0 ? map.columns.size() : std::max<size_t>(room, 1);
  std::string out = Heading(map, width);
  for (size_t begin = 0; begin < map.columns.size(); begin += together) {
    if (begin > 0) out += "\n";
    out += PlainColumns(map, labels, cell, decimals, begin, std::min(begin + together, map.columns.size()));
  }
  if (map.outlined.empty()) return out;
  const std::string caption = EscapeText(absl::StrCat("* ", map.outline_caption));
  return out + Line(width > 0 ? Truncate(caption, width) : caption);
}

}  // namespace

std::string RenderHeatMap(const HeatMap& map, size_t width, ColourDepth depth) {
  if (map.rows.empty() || map.columns.empty()) return Heading(map, width);
  return depth == ColourDepth::kNone ? RenderPlain(map, width) : ColourPicture(map, width, depth).Render();
}

}  // namespace circuitd::client
