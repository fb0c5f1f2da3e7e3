// From logit differences to scores, the same for every engine.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace circuitd {

// FAILED_PRECONDITION with the value unless the unablated model's logit difference is finite and positive.
absl::Status CheckFullLogitDiff(double full_logit_diff);

// Percent of the unablated model's logit difference. FAILED_PRECONDITION with the value if it is not finite.
absl::StatusOr<double> ScoreOf(double logit_diff, double full_logit_diff);

}  // namespace circuitd
