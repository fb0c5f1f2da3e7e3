// How many prompts of each variant a request gets.
#pragma once

#include <cstddef>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace circuitd {

// INVALID_ARGUMENT, naming prompts.num_samples, unless it is unset or 1 to kMaxNumSamples.
absl::Status CheckNumSamples(std::optional<int> num_samples);

// `num_samples`, or `available` prompts if unset. INVALID_ARGUMENT, naming prompts.num_samples, if that is out of range
// or more than there are; `whose` says what has them: "the file".
absl::StatusOr<size_t> ChooseNumSamples(std::optional<int> num_samples, size_t available, absl::string_view whose);

}  // namespace circuitd
