// Names of models: which texts are names, and which of them mean the same model.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace circuitd {

// INVALID_ARGUMENT, about the field "model", unless `name` is "NAME" or "ORG/NAME": at most 200 bytes of UTF-8 without
// control characters, backslashes, "." and "..".
absl::Status ValidateModelName(absl::string_view name);

// "gpt2" for all of its aliases; other names as they are.
std::string CanonicalModelName(absl::string_view name);

// The other names of the model with this canonical name.
std::vector<std::string> ModelAliases(absl::string_view canonical_name);

}  // namespace circuitd
