// Metrics as files and messages spell them.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "server/model/metric.h"

namespace circuitd {

constexpr const char* MetricName(Metric metric) {
  switch (metric) {
    case Metric::kLogitDiff:
      return "logit_diff";
    case Metric::kProbDiff:
      return "prob_diff";
    case Metric::kKlDiv:
      return "kl_div";
    case Metric::kNll:
      return "nll";
    case Metric::kRank:
      return "rank";
    case Metric::kAccuracy:
      break;
  }
  return "accuracy";
}

// The metric of that name; nullopt if there is none.
inline std::optional<Metric> MetricNamed(absl::string_view name) {
  for (const Metric metric :
       {Metric::kLogitDiff, Metric::kProbDiff, Metric::kKlDiv, Metric::kNll, Metric::kRank, Metric::kAccuracy}) {
    if (name == MetricName(metric)) return metric;
  }
  return std::nullopt;
}

}  // namespace circuitd
