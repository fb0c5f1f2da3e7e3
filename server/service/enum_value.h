// Enums of proto3 are open: a newer client's value arrives as a number.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status.h"

namespace circuitd {

// INVALID_ARGUMENT about `field`, for UNSPECIFIED where it may not be left unset, and for values of no meaning.
template <typename Enum>
absl::Status NotAValue(Enum value, absl::string_view field) {
  if (value == 0) return InvalidField(field, "must be set");
  return InvalidField(field, absl::StrCat(static_cast<int>(value), ", is no value that this server knows"));
}

}  // namespace circuitd
