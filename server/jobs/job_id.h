// Ids of jobs: random, so that those of a server's earlier lives are not met again.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace circuitd {

// 12 characters of a-z and 2-7. Thread-safe.
std::string NewJobId();

// True for what NewJobId makes.
bool IsJobId(absl::string_view text);

}  // namespace circuitd
