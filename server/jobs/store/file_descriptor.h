// A file descriptor that is closed with its owner, and what is done with it until all of it is done.
#pragma once

#include <unistd.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace circuitd {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_;
};

// Writes all of `bytes`, in as many pieces as it takes. `path` is for the error, FileError's.
absl::Status WriteAll(const FileDescriptor& file, absl::string_view path, absl::string_view bytes);

// Whether what was written is on the disk.
absl::Status Sync(const FileDescriptor& file, absl::string_view path);

}  // namespace circuitd
