// Folders whose entries are there after a power cut.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace circuitd {

// Makes the folder `path`, for its owner alone, and those above it, where they are not there. FileError's errors;
// FAILED_PRECONDITION when something else lies there.
absl::Status MakeFolders(const std::string& path);

// Returns when the names in the folder, as they are now, are on the disk.
absl::Status SyncFolder(const std::string& path);

}  // namespace circuitd
