// The registry's errors, about the field that a request spells the model with.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/status.h"

namespace circuitd {

// The registry speaks of "model", "device" and "data_type". `field` takes the place of "model", and of nothing.
inline absl::Status ModelError(absl::string_view field, const absl::Status& status) {
  const auto named = FieldOf(status);
  if (named && *named != "model") return status;
  absl::string_view description = status.message();
  if (named) description.remove_prefix(named->size() + 2);  // "model: "
  return FieldError(status.code(), field, description);
}

}  // namespace circuitd
