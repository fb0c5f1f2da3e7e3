#include "server/jobs/store/file_descriptor.h"

#include <cerrno>

#include "base/write_all.h"
#include "server/jobs/store/file_error.h"

namespace circuitd {

absl::Status WriteAll(const FileDescriptor& file, absl::string_view path, absl::string_view bytes) {
  return WriteAllBytes(file.get(), bytes) ? absl::OkStatus() : FileError(path, "write", errno);
}

absl::Status Sync(const FileDescriptor& file, absl::string_view path) {
  while (::fsync(file.get()) != 0) {
    if (errno != EINTR) return FileError(path, "write", errno);
  }
  return absl::OkStatus();
}

}  // namespace circuitd
