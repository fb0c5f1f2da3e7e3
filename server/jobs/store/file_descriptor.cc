#include "server/jobs/store/file_descriptor.h"

#include <cerrno>

#include "server/jobs/store/file_error.h"

namespace circuitd {

absl::Status WriteAll(const FileDescriptor& file, absl::string_view path, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(written);
    } else if (errno != EINTR) {
      return FileError(path, "write", errno);
    }
  }
  return absl::OkStatus();
}

absl::Status Sync(const FileDescriptor& file, absl::string_view path) {
  while (::fsync(file.get()) != 0) {
    if (errno != EINTR) return FileError(path, "write", errno);
  }
  return absl::OkStatus();
}

}  // namespace circuitd
