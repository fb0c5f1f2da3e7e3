#include "client/cli/heat_map_svg.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/escape_text.h"
#include "base/text_width.h"
#include "client/cli/colour_bar.h"
#include "client/cli/colour_scale.h"
#include "client/cli/svg_text.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

constexpr int kMargin = 24;
constexpr int kTitleHeight = 30;
constexpr int kTitleSize = 15;
constexpr int kAxisHeight = 20;  // the name of the columns, and a line of the legend
constexpr int kAxisWidth = 22;   // the name of the rows, turned
constexpr int kAxisSize = 12;
constexpr int kNumberSize = 10;
constexpr int kLabelGap = 6;
constexpr int kBarGap = 24;
constexpr int kCellPadding = 12;      // left and right of what is written into a cell, together
constexpr size_t kLongestLabel = 32;  // characters
constexpr size_t kLongestWord = 16;   // in a cell
constexpr size_t kLongestCaption = 100;
constexpr int kMostTitleWidth = 1000;
constexpr int kMostAxisWidth = 400;
constexpr size_t kNumberedColumns = 16;  // up to here numbers are written into the cells
// Advances of labels' characters, which are monospaced.
constexpr int kLabelAdvance = 7;
constexpr int kWideAdvance = 12;  // of one that is not ASCII: another font's

std::string Label(const std::string& text, size_t longest) { return Truncate(EscapeText(text), longest); }

int LabelWidth(absl::string_view label) {
  int width = 0;
  for (char c : label) {
    const auto byte = static_cast<unsigned char>(c);
    width += byte < 0x80 ? kLabelAdvance : byte >= 0xc0 ? kWideAdvance : 0;
  }
  return width;
}

int Widest(const std::vector<std::string>& labels, size_t longest) {
  int width = 0;
  for (const std::string& label : labels) width = std::max(width, LabelWidth(Label(label, longest)));
  return width;
}

std::string Axis(const std::string& name) { return FitText(EscapeText(name), kMostAxisWidth, kAxisSize); }

// One map with its labels and colour bar, from (0, 0) on.
class Panel {
 public:
  explicit Panel(const HeatMap& map)
      : map_(map),
        range_(RangeOf(map)),
        decimals_(DecimalsOf(range_)),
        bar_(map),
        title_(FitText(EscapeText(map.title), kMostTitleWidth, kTitleSize, FontWeight::kBold)),
        caption_(map.outlined.empty() ? "" : Label(map.outline_caption, kLongestCaption)),
        row_axis_(Axis(map.row_axis)),
        column_axis_(Axis(map.column_axis)) {
    written_ = !map.words.empty() || map.columns.size() <= kNumberedColumns;
    cell_width_ = written_ ? std::max(44, WidestInCells() + kCellPadding) : 18;
    cell_height_ = written_ ? 24 : 18;
    missing_ = !std::all_of(map.values.begin(), map.values.end(), [](double value) { return std::isfinite(value); });
    const int labels = Widest(map.columns, kLongestLabel), row_labels = Widest(map.rows, kLongestLabel);
    upright_ = labels + kLabelGap > cell_width_;
    const int row_axis = TextWidth(row_axis_, kAxisSize);
    turned_ = row_axis <= static_cast<int>(map.rows.size()) * cell_height_;
    left_ = turned_ ? kAxisWidth + row_labels + kLabelGap : std::max(row_labels, row_axis) + kLabelGap;
    top_ = kTitleHeight + kAxisHeight + (upright_ ? labels : 14) + kLabelGap;
  }

  int width() const {
    return std::max({TextWidth(title_, kTitleSize, FontWeight::kBold), right() + kBarGap + bar_.width(),
                     column_axis_x() + TextWidth(column_axis_, kAxisSize) / 2 + 1,
                     left_ + kLegendBox + LabelWidth(kMissingText) + kBarGap + kLegendBox + LabelWidth(caption_)});
  }
  int height() const { return std::max(bottom(), top_ + bar_height() + 8) + (legend() ? kAxisHeight : 0); }

  std::string Svg() const {
    std::string svg =
        SvgText(0, 16, absl::StrCat("font-size=\"", kTitleSize, "\" font-weight=\"600\" fill=\"", kInk, "\""), title_);
    svg += Axes();
    for (size_t row = 0; row < map_.rows.size(); ++row) {
      for (size_t column = 0; column < map_.columns.size(); ++column) svg += Cell(row, column);
    }
    svg += SvgRect(left_, top_, right() - left_, bottom() - top_,
                   absl::StrCat("fill=\"none\" pointer-events=\"none\" stroke=\"", kFaintInk, "\"/>\n"));
    return svg + Outlines() + Legend() + bar_.Svg(right() + kBarGap, top_, bar_height());
  }

 private:
  static constexpr int kLegendBox = 20;
  static constexpr char kMissingText[] = "no value";

  int right() const { return x(map_.columns.size()); }
  int bottom() const { return y(map_.rows.size()); }
  int x(size_t column) const { return left_ + static_cast<int>(column) * cell_width_; }
  int y(size_t row) const { return top_ + static_cast<int>(row) * cell_height_; }
  int bar_height() const { return std::clamp(bottom() - top_, ColourBar::kLeastHeight, ColourBar::kMostHeight); }
  // The middle of the columns, unless their name would begin outside.
  int column_axis_x() const { return std::max((left_ + right()) / 2, TextWidth(column_axis_, kAxisSize) / 2 + 1); }
  bool legend() const { return missing_ || !map_.outlined.empty(); }

  int WidestInCells() const {
    if (!map_.words.empty()) return Widest(map_.words, kLongestWord);
    int width = 0;
    for (double value : map_.values) width = std::max(width, TextWidth(CellText(value, decimals_), kNumberSize));
    return width;
  }

  std::string Axes() const {
    const std::string quiet = QuietText(kAxisSize);
    const std::string label = absl::StrCat("class=\"label\" fill=\"", kInk, "\"");
    std::string svg =
        SvgText(column_axis_x(), kTitleHeight + 12, absl::StrCat("text-anchor=\"middle\" ", quiet), column_axis_);
    const int middle = (top_ + bottom()) / 2;
    svg += turned_
               ? SvgText(12, middle,
                         absl::StrCat("text-anchor=\"middle\" transform=\"rotate(-90 12 ", middle, ")\" ", quiet),
                         row_axis_)
               : SvgText(left_ - kLabelGap, top_ - kLabelGap, absl::StrCat("text-anchor=\"end\" ", quiet), row_axis_);
    for (size_t row = 0; row < map_.rows.size(); ++row) {
      svg += SvgText(left_ - kLabelGap, y(row) + cell_height_ / 2 + 4, absl::StrCat("text-anchor=\"end\" ", label),
                     Label(map_.rows[row], kLongestLabel));
    }
    for (size_t column = 0; column < map_.columns.size(); ++column) {
      const std::string text = Label(map_.columns[column], kLongestLabel);
      const int centre = x(column) + cell_width_ / 2, foot = top_ - kLabelGap;
      svg += upright_ ? SvgText(centre + 4, foot,
                                absl::StrCat("transform=\"rotate(-90 ", centre + 4, " ", foot, ")\" ", label), text)
                      : SvgText(centre, foot, absl::StrCat("text-anchor=\"middle\" ", label), text);
    }
    return svg;
  }

  std::string Cell(size_t row, size_t column) const {
    const double value = map_.at(row, column);
    const bool missing = !std::isfinite(value);
    const Rgb colour = missing ? Rgb{} : ColourOf(map_.scale, range_, value);
    std::string svg =
        absl::StrCat(SvgRect(x(column), y(row), cell_width_, cell_height_,
                             absl::StrCat("fill=\"", missing ? "url(#missing)" : HexColour(colour), "\"><title>")),
                     XmlEscaped(absl::StrCat(map_.rows[row], ", ", map_.columns[column], ": ",
                                             missing ? "none" : absl::StrCat(value))),
                     "</title></rect>\n");
    if (written_ && !missing) {
      const bool word = !map_.words.empty();
      svg += SvgText(
          x(column) + cell_width_ / 2, y(row) + cell_height_ / 2 + 4,
          absl::StrCat("class=\"", word ? "label word" : "number", "\" fill=\"", HexColour(InkOn(colour)), "\""),
          word ? Label(map_.words[row * map_.columns.size() + column], kLongestWord) : CellText(value, decimals_));
    }
    return svg;
  }

  // A light line around a dark one shows on every colour.
  std::string Outlines() const {
    std::string svg;
    for (const auto& [row, column] : map_.outlined) {
      if (row >= map_.rows.size() || column >= map_.columns.size()) continue;
      const auto frame = [&](int inset, const char* colour) {
        return SvgRect(
            x(column) + inset, y(row) + inset, cell_width_ - 2 * inset, cell_height_ - 2 * inset,
            absl::StrCat("fill=\"none\" stroke-width=\"2\" pointer-events=\"none\" stroke=\"", colour, "\"/>\n"));
      };
      svg += frame(3, "#ffffff") + frame(1, "#111111");
    }
    return svg;
  }

  // What outlines and hatching mean, on a line below all else.
  std::string Legend() const {
    const int line = height() - 5;
    int at = left_;
    std::string svg;
    const auto add = [&](absl::string_view look, const std::string& text) {
      absl::StrAppend(&svg, SvgRect(at + 1, line - 10, 12, 12, look),
                      SvgText(at + kLegendBox, line, absl::StrCat("class=\"label\" fill=\"", kQuietInk, "\""), text));
      at += kLegendBox + LabelWidth(text) + kBarGap;
    };
    if (missing_) add(absl::StrCat("fill=\"url(#missing)\" stroke=\"", kFaintInk, "\"/>\n"), kMissingText);
    if (!map_.outlined.empty()) add("fill=\"none\" stroke-width=\"2\" stroke=\"#111111\"/>\n", caption_);
    return svg;
  }

  const HeatMap& map_;
  const ValueRange range_;
  const int decimals_;
  const ColourBar bar_;
  const std::string title_, caption_, row_axis_, column_axis_;
  bool written_ = false;  // numbers or words in the cells
  bool missing_ = false;  // there are values that are none
  bool upright_ = false;  // columns' labels
  bool turned_ = false;   // the rows' name
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
      " ", height, "\" role=\"img\" aria-label=\"", XmlEscaped(titles),
      "\" font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif\">\n<title>",
      XmlEscaped(titles),
      "</title>\n<style>.label{font:11px 'DejaVu Sans Mono',Menlo,Consolas,monospace;white-space:pre}"
      ".word{text-anchor:middle;pointer-events:none}.number{font-size:10px;text-anchor:middle;pointer-events:none}</"
      "style>\n<defs>",
      ColourBar::Gradients(),
      "<pattern id=\"missing\" "
      "width=\"6\" "
      "height=\"6\" patternUnits=\"userSpaceOnUse\"><rect width=\"6\" height=\"6\" fill=\"#eceff2\"/><path d=\"M0 6L6 "
      "0\" stroke=\"#b4bcc5\"/></pattern></defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
      panels, "</svg>\n");
}

}  // namespace circuitd::client
