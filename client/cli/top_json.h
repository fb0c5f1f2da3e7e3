// What `circuit top` shows as JSON.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cli/top_state.h"

namespace circuitd::client {

// {"time", "server": a GetServerInfoResponse, "models": [Model], "running", "queued", "ended": [Job]}, with a newline;
// in one line, or indented. Messages are as JsonDocument has them.
std::string TopJson(const TopSnapshot& snapshot, absl::Time time, bool one_line);

// {"time", "error": {"code": "UNAVAILABLE", "message"}}, one line.
std::string TopErrorJson(const absl::Status& error, absl::Time time);

}  // namespace circuitd::client
