// JSON of files that may be hostile: nothing ambiguous, nothing deep.
#pragma once

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace circuitd {

// FAILED_PRECONDITION, naming `label` and the byte or key, for text that is not JSON, has a key twice in one object, or
// nests deeper than `max_depth` objects and arrays.
absl::StatusOr<nlohmann::json> ParseStrictJson(absl::string_view text, absl::string_view label, int max_depth = 16);

// The value as JSON text for a message, shortened.
std::string ShowJson(const nlohmann::json& value);

}  // namespace circuitd
