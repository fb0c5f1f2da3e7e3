// What an evaluation makes of its metrics.
#pragma once

#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "server/circuit/evaluation/evaluation.h"
#include "server/model/metric.h"

namespace circuitd {

// Of at least one value. Percentiles lie between neighbours of the sorted values, at (n - 1) * p from the lowest; the
// deviation of one value is 0.
Interval IntervalOf(std::vector<double> values);

// Part of `random` that is as good as `circuit` or better; 0 of none.
double PartAsGood(Metric metric, double circuit, absl::Span<const double> random);

// 100 * circuit / model; nullopt if `metric` isn't kLogitDiff or the model's is not positive.
std::optional<double> LogitDiffScore(Metric metric, double circuit, double model);

// Mean of |m(circuit) - m(model)|; 0 of none.
double Incompleteness(absl::Span<const Knockout> knockouts);

// Trapezoids over the curve's fractions, from the first to the last: of faithfulness, and of its distance from 1 (CPR
// and CMD of the MIB benchmark, arXiv 2504.13151, section 3).
double CprOf(absl::Span<const CurvePoint> curve);
double CmdOf(absl::Span<const CurvePoint> curve);

}  // namespace circuitd
