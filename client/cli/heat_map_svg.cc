#include "client/cli/heat_map_svg.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/escape_text.h"
#include "client/cli/colour_scale.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

constexpr char kInk[] = "#1d2733";
constexpr char kQuietInk[] = "#5a6673";
constexpr char kFaintInk[] = "#c2cad3";
constexpr int kMargin = 24;
constexpr int kTitleHeight = 30;
constexpr int kAxisHeight = 20;  // the name of the columns
constexpr int kAxisWidth = 22;   // the name of the rows
constexpr int kLabelGap = 6;
constexpr int kBarGap = 24;
constexpr int kBarWidth = 14;
constexpr int kBarSteps = 32;
constexpr int kBarHeight = 128;
constexpr int kBarTextWidth = 60;
constexpr size_t kLongestLabel = 32;
constexpr size_t kNumberedColumns = 16;  // up to here numbers are written into the cells
// Advances of characters at their widest, about: the picture can't measure its text.
constexpr int kLabelAdvance = 7;
constexpr int kTitleAdvance = 9;
constexpr int kWideAdvance = 12;  // of a label's character that is not ASCII

std::string Escaped(absl::string_view text) {
  return absl::StrReplaceAll(EscapeText(text),
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string Label(const std::string& text) { return Truncate(EscapeText(text), kLongestLabel); }

int LabelWidth(const std::string& text) {
  int width = 0;
  for (char c : Label(text)) {
    const auto byte = static_cast<unsigned char>(c);
    width += byte < 0x80 ? kLabelAdvance : byte >= 0xc0 ? kWideAdvance : 0;
  }
  return width;
}

int Widest(const std::vector<std::string>& labels) {
  int width = 0;
  for (const std::string& label : labels) width = std::max(width, LabelWidth(label));
  return width;
}

std::string Text(int x, int y, absl::string_view attributes, absl::string_view text) {
  return absl::StrCat("<text x=\"", x, "\" y=\"", y, "\" ", attributes, ">", Escaped(text), "</text>\n");
}

std::string Rect(int x, int y, int width, int height, absl::string_view attributes) {
  return absl::StrCat("<rect x=\"", x, "\" y=\"", y, "\" width=\"", width, "\" height=\"", height, "\" ", attributes);
}

// One map with its labels and colour bar, from (0, 0) on.
class Panel {
 public:
  explicit Panel(const HeatMap& map) : map_(map), range_(RangeOf(map)), decimals_(DecimalsOf(range_)) {
    numbers_ = !map.words.empty() || map.columns.size() <= kNumberedColumns;
    cell_width_ = numbers_ ? std::max(44, Widest(map.words) + 8) : 18;
    cell_height_ = numbers_ ? 24 : 18;
    const int labels = Widest(map.columns);
    upright_ = labels + kLabelGap > cell_width_;
    left_ = kAxisWidth + Widest(map.rows) + kLabelGap;
    top_ = kTitleHeight + kAxisHeight + (upright_ ? labels : 14) + kLabelGap;
  }

  int width() const {
    const int title = static_cast<int>(DisplayWidth(EscapeText(map_.title))) * kTitleAdvance;
    const int caption =
        map_.outlined.empty() ? 0 : left_ + 20 + static_cast<int>(DisplayWidth(EscapeText(map_.outline_caption))) * 8;
    return std::max({title, caption, right() + kBarGap + kBarWidth + kLabelGap + kBarTextWidth});
  }
  int height() const { return std::max(bottom(), top_ + kBarHeight + 8) + (map_.outlined.empty() ? 0 : kAxisHeight); }

  std::string Svg() const {
    std::string svg = Text(0, 16, absl::StrCat("font-size=\"15\" font-weight=\"600\" fill=\"", kInk, "\""), map_.title);
    svg += Axes();
    for (size_t row = 0; row < map_.rows.size(); ++row) {
      for (size_t column = 0; column < map_.columns.size(); ++column) svg += Cell(row, column);
    }
    svg += Rect(left_, top_, right() - left_, bottom() - top_,
                absl::StrCat("fill=\"none\" pointer-events=\"none\" stroke=\"", kFaintInk, "\"/>\n"));
    return svg + Outlines() + Bar();
  }

 private:
  int right() const { return x(map_.columns.size()); }
  int bottom() const { return y(map_.rows.size()); }
  int x(size_t column) const { return left_ + static_cast<int>(column) * cell_width_; }
  int y(size_t row) const { return top_ + static_cast<int>(row) * cell_height_; }

  std::string Axes() const {
    const std::string quiet = absl::StrCat("font-size=\"12\" fill=\"", kQuietInk, "\"");
    const std::string label = absl::StrCat("class=\"label\" fill=\"", kInk, "\"");
    std::string svg = Text((left_ + right()) / 2, kTitleHeight + 12, absl::StrCat("text-anchor=\"middle\" ", quiet),
                           map_.column_axis);
    const int middle = (top_ + bottom()) / 2;
    svg += Text(12, middle, absl::StrCat("text-anchor=\"middle\" transform=\"rotate(-90 12 ", middle, ")\" ", quiet),
                map_.row_axis);
    for (size_t row = 0; row < map_.rows.size(); ++row) {
      svg += Text(left_ - kLabelGap, y(row) + cell_height_ / 2 + 4, absl::StrCat("text-anchor=\"end\" ", label),
                  Label(map_.rows[row]));
    }
    for (size_t column = 0; column < map_.columns.size(); ++column) {
      const int centre = x(column) + cell_width_ / 2;
      if (upright_) {
        svg += Text(centre + 4, top_ - kLabelGap,
                    absl::StrCat("transform=\"rotate(-90 ", centre + 4, " ", top_ - kLabelGap, ")\" ", label),
                    Label(map_.columns[column]));
      } else {
        svg +=
            Text(centre, top_ - kLabelGap, absl::StrCat("text-anchor=\"middle\" ", label), Label(map_.columns[column]));
      }
    }
    return svg;
  }

  std::string Cell(size_t row, size_t column) const {
    const double value = map_.at(row, column);
    const bool missing = !std::isfinite(value);
    const Rgb colour = missing ? Rgb{} : ColourOf(map_.scale, range_, value);
    std::string svg = absl::StrCat(
        Rect(x(column), y(row), cell_width_, cell_height_,
             absl::StrCat("fill=\"", missing ? "url(#missing)" : HexColour(colour), "\"><title>")),
        Escaped(absl::StrCat(map_.rows[row], ", ", map_.columns[column], ": ", missing ? "none" : absl::StrCat(value))),
        "</title></rect>\n");
    if (numbers_ && !missing) {
      const bool word = !map_.words.empty();
      svg +=
          Text(x(column) + cell_width_ / 2, y(row) + cell_height_ / 2 + 4,
               absl::StrCat("class=\"", word ? "label word" : "number", "\" fill=\"", HexColour(InkOn(colour)), "\""),
               word ? Label(map_.words[row * map_.columns.size() + column]) : CellText(value, decimals_));
    }
    return svg;
  }

  // A light line around a dark one shows on every colour.
  std::string Outlines() const {
    std::string svg;
    for (const auto& [row, column] : map_.outlined) {
      if (row >= map_.rows.size() || column >= map_.columns.size()) continue;
      const auto frame = [&](int inset, const char* colour) {
        return Rect(
            x(column) + inset, y(row) + inset, cell_width_ - 2 * inset, cell_height_ - 2 * inset,
            absl::StrCat("fill=\"none\" stroke-width=\"2\" pointer-events=\"none\" stroke=\"", colour, "\"/>\n"));
      };
      svg += frame(3, "#ffffff") + frame(1, "#111111");
    }
    if (map_.outlined.empty()) return svg;
    const int line = std::max(bottom(), top_ + kBarHeight + 8) + kAxisHeight - 5;
    svg += Rect(left_ + 1, line - 10, 12, 12, "fill=\"none\" stroke-width=\"2\" stroke=\"#111111\"/>\n");
    return svg + Text(left_ + 20, line, absl::StrCat("class=\"label\" fill=\"", kQuietInk, "\""), map_.outline_caption);
  }

  std::string Bar() const {
    const int left = right() + kBarGap;
    std::string svg;
    for (int step = 0; step < kBarSteps; ++step) {
      const double share = static_cast<double>(step) / (kBarSteps - 1);
      const Rgb colour = ColourOf(map_.scale, range_, range_.low * (1 - share) + range_.high * share);
      svg += Rect(left, top_ + kBarHeight * (kBarSteps - 1 - step) / kBarSteps, kBarWidth, kBarHeight / kBarSteps,
                  absl::StrCat("fill=\"", HexColour(colour), "\"/>\n"));
    }
    const auto tick = [&](int at, double value) {
      return Text(left + kBarWidth + kLabelGap, top_ + at + 4, absl::StrCat("class=\"label\" fill=\"", kInk, "\""),
                  CellText(value, decimals_));
    };
    svg += tick(4, range_.high) + tick(kBarHeight - 4, range_.low);
    if (map_.scale == ColourScale::kDiverging) svg += tick(kBarHeight / 2, 0);
    return svg;
  }

  const HeatMap& map_;
  const ValueRange range_;
  const int decimals_;
  bool numbers_ = false;
  bool upright_ = false;
  int cell_width_ = 0;
  int cell_height_ = 0;
  int left_ = 0;
  int top_ = 0;
};

}  // namespace

absl::StatusOr<std::string> HeatMapSvg(const std::vector<HeatMap>& maps) {
  size_t cells = 0;
  for (const HeatMap& map : maps) cells += map.values.size();
  if (cells > kMaxSvgCells) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a picture of ", cells, " cells, at most ", kMaxSvgCells, " can be drawn"));
  }
  int width = 0;
  int height = kMargin;
  std::string panels;
  std::string titles;
  for (const HeatMap& map : maps) {
    const Panel panel(map);
    absl::StrAppend(&panels, "<g transform=\"translate(", kMargin, " ", height, ")\">\n", panel.Svg(), "</g>\n");
    absl::StrAppend(&titles, titles.empty() ? "" : "; ", map.title);
    width = std::max(width, panel.width());
    height += panel.height() + kMargin;
  }
  width += 2 * kMargin;
  return absl::StrCat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", width, "\" height=\"", height, "\" viewBox=\"0 0 ", width,
      " ", height, "\" role=\"img\" aria-label=\"", Escaped(titles),
      "\" font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif\">\n<title>",
      Escaped(titles),
      "</title>\n<style>.label{font:11px 'DejaVu Sans Mono',Menlo,Consolas,monospace;white-space:pre}"
      ".word{text-anchor:middle;pointer-events:none}.number{font-size:10px;text-anchor:middle;pointer-events:none}</"
      "style>\n<defs><pattern id=\"missing\" "
      "width=\"6\" "
      "height=\"6\" patternUnits=\"userSpaceOnUse\"><rect width=\"6\" height=\"6\" fill=\"#eceff2\"/><path d=\"M0 6L6 "
      "0\" stroke=\"#b4bcc5\"/></pattern></defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
      panels, "</svg>\n");
}

}  // namespace circuitd::client
