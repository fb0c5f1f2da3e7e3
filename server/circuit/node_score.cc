#include "server/circuit/node_score.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace circuitd {

absl::Status CheckFullLogitDiff(double full_logit_diff) {
  if (std::isfinite(full_logit_diff) && full_logit_diff > 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("the unablated model's logit difference is ", full_logit_diff,
                                                    "; scores need one that is finite and over 0"));
}

absl::StatusOr<double> ScoreOf(double logit_diff, double full_logit_diff) {
  const double score = 100 * logit_diff / full_logit_diff;
  if (!std::isfinite(score)) {
    return absl::FailedPreconditionError(absl::StrCat("the ablated model's score is ", score));
  }
  return score;
}

}  // namespace circuitd
