// What the operating system says of a file, as a status.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace circuitd {

// Whether errno `error` says that no more can be written: no space, a quota, a limit on the size of files.
bool IsDiskFull(int error);

// "PATH: can't WHAT: REASON" for errno `error`: RESOURCE_EXHAUSTED when the disk is full or there are too many open
// files, PERMISSION_DENIED, NOT_FOUND, FAILED_PRECONDITION when what lies at the path is of another kind, INTERNAL for
// everything else. `what` is a verb: "write".
absl::Status FileError(absl::string_view path, absl::string_view what, int error);

}  // namespace circuitd
