// Metrics of a run, at the last position of each prompt.
#pragma once

#include <vector>

namespace circuitd {

enum class Metric {
  kLogitDiff,  // mean logit of the correct tokens - mean logit of the incorrect ones
  kProbDiff,   // summed probability of the correct tokens - that of the incorrect ones
  kKlDiv,      // KL(reference || run) of the next-token distributions, nats
  kNll,        // -log of the summed probability of the correct tokens, nats
  kRank,       // tokens with a higher logit than the likeliest correct one
  kAccuracy,   // 1 if kRank is 0, else 0
};

// Whether the metric reads the answers' incorrect tokens, or answers at all.
constexpr bool NeedsIncorrect(Metric metric) { return metric == Metric::kLogitDiff || metric == Metric::kProbDiff; }
constexpr bool NeedsAnswers(Metric metric) { return metric != Metric::kKlDiv; }

// Whether runs are the better the higher it is.
constexpr bool HigherIsBetter(Metric metric) {
  return metric == Metric::kLogitDiff || metric == Metric::kProbDiff || metric == Metric::kAccuracy;
}

// What grows as a run of this value gets worse: the value or minus it.
constexpr double LossOf(Metric metric, double value) { return HigherIsBetter(metric) ? -value : value; }

struct Answer {
  std::vector<int> correct;
  std::vector<int> incorrect;
};

}  // namespace circuitd
