// RESOURCE_EXHAUSTED errors that pass by themselves: a full queue. The RPC layer tells clients to try again.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace circuitd {

absl::Status QueueFullError(absl::string_view message);

// True for what QueueFullError made.
bool IsQueueFull(const absl::Status& status);

}  // namespace circuitd
