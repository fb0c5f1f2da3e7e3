// The model that a circuit is of, in messages.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/graph/model_identity.h"

namespace circuitd::client {

using CircuitModel = ModelIdentity;

// "gpt2 (12 layers of 12 heads, d_model 768, sha256 0a1b2c3d…)".
std::string ModelText(const CircuitModel& model);

// INVALID_ARGUMENT, with both models, if they differ in a dimension or in their sha256, where both are known. Names
// don't count: one model has many. `a` and `b` are called by the labels.
absl::Status CheckSameModel(absl::string_view label_a, const CircuitModel& a, absl::string_view label_b,
                            const CircuitModel& b);

}  // namespace circuitd::client
