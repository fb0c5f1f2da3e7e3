// Writing to a file descriptor until all is written.
#pragma once

#include "absl/strings/string_view.h"

namespace circuitd {

// Writes all of `bytes`, in as many pieces as it takes. False on an error, which errno tells.
bool WriteAllBytes(int fd, absl::string_view bytes);

}  // namespace circuitd
