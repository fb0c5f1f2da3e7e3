#include "server/circuit/evaluation/evaluation_statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace circuitd {
namespace {

// `sorted` is not empty, `p` 0 to 1.
double Percentile(const std::vector<double>& sorted, double p) {
  const double place = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

template <typename Height>
double Area(absl::Span<const CurvePoint> curve, Height height) {
  double area = 0;
  for (size_t i = 0; i + 1 < curve.size(); ++i) {
    area += (curve[i + 1].fraction - curve[i].fraction) * (height(curve[i]) + height(curve[i + 1])) / 2;
  }
  return area;
}

}  // namespace

Interval IntervalOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto count = static_cast<double>(values.size());
  Interval interval;
  interval.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - interval.mean) * (value - interval.mean);
  if (values.size() > 1) interval.standard_deviation = std::sqrt(squares / (count - 1));
  interval.low = Percentile(values, 0.025);
  interval.high = Percentile(values, 0.975);
  return interval;
}

double PartAsGood(Metric metric, double circuit, absl::Span<const double> random) {
  if (random.empty()) return 0;
  const auto as_good = std::count_if(random.begin(), random.end(), [&](double value) {
    return HigherIsBetter(metric) ? value >= circuit : value <= circuit;
  });
  return static_cast<double>(as_good) / static_cast<double>(random.size());
}

std::optional<double> LogitDiffScore(Metric metric, double circuit, double model) {
  if (metric != Metric::kLogitDiff || !(model > 0)) return std::nullopt;
  return 100 * circuit / model;
}

double Incompleteness(absl::Span<const Knockout> knockouts) {
  if (knockouts.empty()) return 0;
  double sum = 0;
  for (const Knockout& knockout : knockouts) sum += std::abs(knockout.circuit_metric - knockout.model_metric);
  return sum / static_cast<double>(knockouts.size());
}

double CprOf(absl::Span<const CurvePoint> curve) {
  return Area(curve, [](const CurvePoint& point) { return point.faithfulness; });
}

double CmdOf(absl::Span<const CurvePoint> curve) {
  return Area(curve, [](const CurvePoint& point) { return std::abs(1 - point.faithfulness); });
}

}  // namespace circuitd
