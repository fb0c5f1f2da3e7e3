// Metrics of a run, at the last position of each prompt.
#pragma once

#include <vector>

namespace circuitd {

enum class Metric {
  kLogitDiff,  // mean logit of the correct tokens - mean logit of the incorrect ones
  kProbDiff,   // summed probability of the correct tokens - that of the incorrect ones
  kKlDiv,      // KL(unpatched || patched) of the next-token distributions, nats
  kNll,        // -log of the summed probability of the correct tokens, nats
};

struct Answer {
  std::vector<int> correct;
  std::vector<int> incorrect;
};

}  // namespace circuitd
