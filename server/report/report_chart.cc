#include "server/report/report_chart.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "server/report/report_data.h"

namespace circuitd {
namespace {

ReportSeries Drawable(const ReportSeries& series, const ReportChart& chart) {
  ReportSeries drawable{series.label, {}, {}};
  for (size_t i = 0; i < series.x.size(); ++i) {
    const double x = series.x[i], y = series.y[i];
    if (!std::isfinite(x) || !std::isfinite(y) || (chart.x_log && x <= 0) || (chart.y_log && y <= 0)) continue;
    drawable.Add(x, y);
  }
  return drawable;
}

// The first and the last point stay, too.
ReportSeries Thinned(const ReportSeries& series, bool x_log) {
  const size_t count = series.x.size();
  if (count <= kMostChartPoints) return series;
  constexpr size_t kParts = (kMostChartPoints - 2) / 2;
  const auto place = [&](size_t i) { return x_log ? std::log(series.x[i]) : series.x[i]; };
  const double first = place(0), width = place(count - 1) - first;
  const auto part = [&](size_t i) {
    if (!(width > 0)) return i * kParts / count;
    const double share = std::clamp((place(i) - first) / width, 0.0, 1.0);
    return std::min(kParts - 1, static_cast<size_t>(share * kParts));
  };
  std::vector<size_t> kept = {0};
  for (size_t begin = 0, end = 0; begin < count; begin = end) {
    for (end = begin; end < count && part(end) == part(begin);) ++end;
    const auto at = series.y.begin();
    const auto [least, most] =
        std::minmax_element(at + static_cast<std::ptrdiff_t>(begin), at + static_cast<std::ptrdiff_t>(end));
    kept.push_back(static_cast<size_t>(least - at));
    kept.push_back(static_cast<size_t>(most - at));
  }
  kept.push_back(count - 1);
  std::sort(kept.begin(), kept.end());
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  ReportSeries thinned{series.label, {}, {}};
  for (const size_t i : kept) thinned.Add(series.x[i], series.y[i]);
  return thinned;
}

// Without those of which nothing is left.
ReportJson SeriesJson(const std::vector<ReportSeries>& all, const ReportChart& chart, bool lines) {
  ReportJson list = ReportJson::array();
  for (const ReportSeries& series : all) {
    const ReportSeries drawable = Drawable(series, chart);
    if (drawable.x.empty()) continue;
    const ReportSeries shown = Thinned(drawable, chart.x_log);
    ReportJson json = {{"label", ReportText(shown.label)}, {"count", drawable.x.size()}};
    if (lines) json["step"] = chart.steps;
    json["x"] = ReportNumbers(shown.x);
    json["y"] = ReportNumbers(shown.y);
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace

std::optional<ReportJson> ChartJson(const ReportChart& chart) {
  ReportJson lines = SeriesJson(chart.lines, chart, true), dots = SeriesJson(chart.dots, chart, false);
  if (lines.empty() && dots.empty()) return std::nullopt;
  ReportJson threshold = nullptr;
  if (chart.threshold) {
    threshold = {{"y", ReportNumber(chart.threshold->y)}, {"label", ReportText(chart.threshold->label)}};
  }
  return ReportJson({{"title", ReportText(chart.title)},
                     {"x", ReportText(chart.x)},
                     {"y", ReportText(chart.y)},
                     {"x_log", chart.x_log},
                     {"y_log", chart.y_log},
                     {"lines", std::move(lines)},
                     {"dots", std::move(dots)},
                     {"threshold", std::move(threshold)}});
}

}  // namespace circuitd
