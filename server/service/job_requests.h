// Checks of what a job is submitted with, but for what its kind asks for.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "circuitd/v1/job.pb.h"

namespace circuitd {

// All that needs neither model nor datasets; `now` is what deadlines are compared with. INVALID_ARGUMENT names the
// field of SubmitJobRequest: "spec.node_pruning.threshold".
absl::Status ValidateSubmit(const v1::SubmitJobRequest& request, absl::Time now);

// Equal for equal specs.
std::string SpecFingerprint(const v1::JobSpec& spec);

}  // namespace circuitd
