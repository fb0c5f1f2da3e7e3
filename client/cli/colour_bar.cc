#include "client/cli/colour_bar.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/escape_text.h"
#include "base/text_width.h"
#include "client/cli/colour_scale.h"
#include "client/cli/svg_text.h"

namespace circuitd::client {
namespace {

constexpr int kWidth = 14;
constexpr int kTickLength = 4;
constexpr int kTextGap = 4;
constexpr int kTextSize = 11;
constexpr int kTickDistance = 24;
constexpr int kFewTicks = 5;  // are three or more around zero, and fit beside the lowest bar
constexpr int kManyTicks = 8;
constexpr int kMostQuantityWidth = 240;
constexpr int kStops = 8;  // between the colours of a scale

const char* GradientName(ColourScale scale) { return scale == ColourScale::kDiverging ? "diverging" : "sequential"; }

// As many digits as tell ticks `step` apart.
std::string TickText(double value, double step, ValueRange range) {
  const double largest = std::max(std::abs(range.low), std::abs(range.high));
  if (value == 0) return "0";
  if (largest >= 1e5 || step < 1e-4) return absl::StrFormat("%.3g", value);
  return absl::StrFormat("%.*f", std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9))), value);
}

int MostTicks(int height) { return std::clamp(height / kTickDistance, kFewTicks, kManyTicks); }

double StepOf(const std::vector<double>& ticks) { return ticks.size() > 1 ? ticks[1] - ticks[0] : 1; }

}  // namespace

std::vector<double> RoundTicks(ValueRange range, int most) {
  // Halves: the whole range of doubles is more than a double.
  const double half = range.high / 2 - range.low / 2;
  double power = std::pow(10, std::floor(std::log10(half / most)));
  const auto count = [&](double step) {
    // A tick on the range's end stays, whatever the quotient rounds to.
    return std::pair(static_cast<int>(std::ceil(range.low / step - 1e-9)),
                     static_cast<int>(std::floor(range.high / step + 1e-9)));
  };
  for (;; power *= 10) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const auto [first, last] = count(factor * power);
      if (last - first + 1 > most) continue;
      std::vector<double> ticks;
      for (int i = first; i <= last; ++i) ticks.push_back(i * (factor * power));
      return ticks;
    }
  }
}

ColourBar::ColourBar(const HeatMap& map)
    : scale_(map.scale),
      range_(RangeOf(map)),
      quantity_(FitText(EscapeText(map.quantity), kMostQuantityWidth, kTextSize)) {}

int ColourBar::width() const {
  int widest = 0;
  for (const int height : {kLeastHeight, kMostHeight}) {
    const std::vector<double> ticks = RoundTicks(range_, MostTicks(height));
    for (double tick : ticks) widest = std::max(widest, TextWidth(TickText(tick, StepOf(ticks), range_), kTextSize));
  }
  // In between a tick may have a digit less or more.
  const int digit = TextWidth("0.", kTextSize);
  return std::max(kWidth + kTickLength + kTextGap + widest + digit, TextWidth(quantity_, kTextSize));
}

std::string ColourBar::Svg(int left, int top, int height) const {
  std::string svg;
  if (!quantity_.empty()) svg += SvgText(left, top - 12, QuietText(kTextSize), quantity_);
  svg += SvgRect(left, top, kWidth, height,
                 absl::StrCat("fill=\"url(#", GradientName(scale_), ")\" stroke=\"", kFaintInk, "\"/>\n"));
  const std::vector<double> ticks = RoundTicks(range_, MostTicks(height));
  for (double tick : ticks) {
    const double share = (range_.high / 2 - tick / 2) / (range_.high / 2 - range_.low / 2);
    const int y = top + static_cast<int>(std::lround(height * std::clamp(share, 0.0, 1.0)));
    absl::StrAppend(&svg, "<path d=\"M", left + kWidth, " ", y, "h", kTickLength, "\" stroke=\"", kQuietInk, "\"/>\n",
                    SvgText(left + kWidth + kTickLength + kTextGap, y + 4,
                            absl::StrCat("font-size=\"", kTextSize, "\" fill=\"", kInk, "\""),
                            TickText(tick, StepOf(ticks), range_)));
  }
  return svg;
}

std::string ColourBar::Gradients() {
  std::string svg;
  for (const ColourScale scale : {ColourScale::kDiverging, ColourScale::kSequential}) {
    absl::StrAppend(&svg, "<linearGradient id=\"", GradientName(scale), "\" x1=\"0\" y1=\"1\" x2=\"0\" y2=\"0\">");
    for (int stop = 0; stop <= kStops; ++stop) {
      const double share = static_cast<double>(stop) / kStops;
      absl::StrAppend(&svg, "<stop offset=\"", share, "\" stop-color=\"", HexColour(ColourOf(scale, {0, 1}, share)),
                      "\"/>");
    }
    svg += "</linearGradient>\n";
  }
  return svg;
}

}  // namespace circuitd::client
