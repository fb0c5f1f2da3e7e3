// Heat maps as a picture that stands alone: no scripts, no fonts or files from elsewhere.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/heat_map.h"

namespace circuitd::client {

// Of all maps together: what browsers draw without complaint.
inline constexpr size_t kMaxSvgCells = 1 << 18;

// The maps beneath each other, with labels, values to hover over, colour bars and outlines. Labels may be anything:
// they are shown as text, with escapes for what is not printable. RESOURCE_EXHAUSTED for more than kMaxSvgCells.
absl::StatusOr<std::string> HeatMapSvg(const std::vector<HeatMap>& maps);

}  // namespace circuitd::client
