// Lists of layers or heads, as requests choose them.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace circuitd {

// INVALID_ARGUMENT for an index that is not 0 to `count` - 1, as "{field}[1]: 12, model has 8 (0-7)", or one that is
// there already, as "{field}[1]: 3 is there twice".
absl::Status ValidateIndices(absl::string_view field, const std::vector<int>& indices, int count);

// The chosen ones, or 0 to `count` - 1 if there are none.
std::vector<int> OrAll(const std::vector<int>& chosen, int count);

}  // namespace circuitd
