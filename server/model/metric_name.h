// Metrics as files and messages spell them.
#pragma once

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

}  // namespace circuitd
