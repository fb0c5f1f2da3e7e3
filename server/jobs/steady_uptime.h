// The clock that durations are measured with.
#pragma once

#include "absl/time/time.h"

namespace circuitd {

// Since some moment in the past; goes on evenly, whatever the time is set to. Thread-safe.
absl::Duration SteadyUptime();

}  // namespace circuitd
