// Whether a request's interventions fit its prompts, and each other.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "server/model/config.h"
#include "server/patching/patched_run.h"

namespace circuitd {

// What checking the slices of a request's interventions in its prompts may take, in steps of about a nanosecond: a
// fraction of a second.
inline constexpr int64_t kMaxCheckingSteps = int64_t{1} << 26;

// Values of all means of hook_attn_scores and hook_pattern of a request: 1 GiB in float64.
inline constexpr int64_t kMaxAttentionMeanValues = int64_t{1} << 27;

// INVALID_ARGUMENT, naming the request's field, for what ValidateIntervention refuses, positions that a prompt lacks,
// tensors that do not broadcast to their slice in one of the prompts, means at positions that no source prompt has, two
// interventions on the same slice, and what takes too many steps to check or too much room. Prompts and source prompts
// must be valid.
absl::Status ValidateInterventions(const ModelConfig& config, const PatchedRunRequest& request);

}  // namespace circuitd
