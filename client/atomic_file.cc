#include "client/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/local_file.h"

namespace circuitd::client {

absl::StatusOr<AtomicFile> AtomicFile::Create(const std::string& path) {
  struct stat found = {};
  if (stat(path.c_str(), &found) == 0 && !S_ISREG(found.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat("cannot write ", path, ": it is not a regular file"));
  }
  const std::string part = absl::StrCat(path, ".part");
  const int fd = open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) return ErrnoStatus("cannot write", part);
  return AtomicFile(path, fd);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      pending_(std::exchange(other.pending_, false)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(pending_, other.pending_);
  return *this;
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) close(fd_);
  if (pending_) unlink(PartPath().c_str());
}

std::string AtomicFile::PartPath() const { return absl::StrCat(path_, ".part"); }

absl::Status AtomicFile::Write(absl::string_view bytes) { return WriteFully(fd_, bytes, PartPath()); }

absl::Status AtomicFile::Commit() {
  if (close(std::exchange(fd_, -1)) != 0) return ErrnoStatus("cannot write", PartPath());
  if (std::rename(PartPath().c_str(), path_.c_str()) != 0) return ErrnoStatus("cannot write", path_);
  pending_ = false;
  return absl::OkStatus();
}

}  // namespace circuitd::client
