// Files of this machine, with absl statuses.
#pragma once

#include <cstddef>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace circuitd::client {

// "WHAT PATH: " and what errno says, with errno's code.
absl::Status ErrnoStatus(absl::string_view what, absl::string_view path);

// The whole file; "-" is standard input. NOT_FOUND if there is none, INVALID_ARGUMENT for a folder, or if it has more
// than `max_bytes`, of which not much more are read.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes = std::numeric_limits<size_t>::max());

// 64 lower-case hexadecimal digits.
absl::StatusOr<std::string> FileSha256(const std::string& path);

// Writes all of `bytes`, however many writes it takes. `path` is for the message.
absl::Status WriteFully(int fd, absl::string_view bytes, absl::string_view path);

}  // namespace circuitd::client
