// Takes up the jobs that the server's earlier lives have left.
#pragma once

#include "absl/status/status.h"
#include "server/service/server_parts.h"

namespace circuitd {

// Queues them, and makes their bodies one after the other where models are loaded, while the server serves already. A
// job that can't be made again ends FAILED, saying why. The store's errors.
absl::Status RecoverJobs(const ServerParts& parts);

}  // namespace circuitd
