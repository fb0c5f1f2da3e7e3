// Writes whole files.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace circuitd {

// Replaces the file's content. UNAVAILABLE, naming the file, if that fails; what it holds then is undefined.
absl::Status WriteFile(const std::string& path, absl::string_view content);

}  // namespace circuitd
