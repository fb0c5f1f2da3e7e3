// How long-running algorithms let others in: they call this before every forward pass.
#pragma once

#include <functional>

#include "absl/status/status.h"

namespace circuitd {

// Called before each forward pass, on the thread that runs it. A non-OK status (CANCELLED, DEADLINE_EXCEEDED) makes
// the algorithm stop and return it.
using Checkpoint = std::function<absl::Status()>;

}  // namespace circuitd
