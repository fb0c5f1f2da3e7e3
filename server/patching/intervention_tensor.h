// Checks of the tensors that interventions carry.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/model/host_tensor.h"

namespace circuitd {

// INVALID_ARGUMENT, naming data_type, shape or data, if `tensor` is not of floats, its shape is negative or too large
// or not the data's, or an element is not finite; with `minus_infinity`, elements may be minus infinity.
absl::Status ValidateFloatTensor(const HostTensor& tensor, bool minus_infinity);

// INVALID_ARGUMENT naming shape if `tensor` broadcasts, by numpy's rules, neither to `slice` nor, with one axis more in
// front, for each of `prompt_count` prompts, to their slices. `prompt_name` is whose slice it is, "prompts[3]".
absl::Status ValidateBroadcast(const HostTensor& tensor, absl::Span<const int64_t> slice, size_t prompt_count,
                               absl::string_view prompt_name);

}  // namespace circuitd
