#include "server/jobs/steady_uptime.h"

#include <chrono>

namespace circuitd {

absl::Duration SteadyUptime() { return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch()); }

}  // namespace circuitd
