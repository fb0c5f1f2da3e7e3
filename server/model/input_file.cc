#include "server/model/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace circuitd {
namespace {

absl::Status FileError(absl::string_view label, absl::string_view description) {
  return absl::FailedPreconditionError(absl::StrCat(label, ": ", description));
}

absl::Status ErrnoError(absl::string_view label, int error) {
  return FileError(label, error == ENOENT ? "there is no such file" : std::strerror(error));
}

absl::StatusOr<FileStamp> StampOf(const struct stat& stat, absl::string_view label) {
  if (!S_ISREG(stat.st_mode)) {
    return FileError(label, S_ISDIR(stat.st_mode) ? "is a directory, not a file" : "is not a regular file");
  }
  return FileStamp{.device = stat.st_dev,
                   .inode = stat.st_ino,
                   .size = stat.st_size,
                   .mtime_ns = stat.st_mtim.tv_sec * int64_t{1'000'000'000} + stat.st_mtim.tv_nsec};
}

}  // namespace

absl::StatusOr<FileStamp> StampFile(const std::string& path, absl::string_view label) {
  struct stat stat;
  if (::stat(path.c_str(), &stat) != 0) return ErrnoError(label, errno);
  return StampOf(stat, label);
}

absl::StatusOr<InputFile> InputFile::Open(const std::string& path, std::string label) {
  // Without O_NONBLOCK, opening a FIFO waits for a writer.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return ErrnoError(label, errno);
  InputFile file(fd, std::move(label), FileStamp{});
  struct stat stat;
  if (::fstat(fd, &stat) != 0) return ErrnoError(file.label_, errno);
  ASSIGN_OR_RETURN(file.stamp_, StampOf(stat, file.label_));
  return file;
}

InputFile::InputFile(int fd, std::string label, FileStamp stamp) : fd_(fd), label_(std::move(label)), stamp_(stamp) {}

InputFile::InputFile(InputFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), label_(std::move(other.label_)), stamp_(other.stamp_) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(label_, other.label_);
  std::swap(stamp_, other.stamp_);
  return *this;
}

InputFile::~InputFile() {
  if (fd_ >= 0) ::close(fd_);
}

absl::Status InputFile::ReadAt(int64_t offset, int64_t size, char* buffer) const {
  while (size > 0) {
    const ssize_t count = ::pread(fd_, buffer, static_cast<size_t>(size), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoError(label_, errno);
    if (count == 0) return FileError(label_, absl::StrCat("ended at byte ", offset, " while it was read"));
    buffer += count;
    offset += count;
    size -= count;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> InputFile::ReadAll(int64_t max_bytes) const {
  if (size() > max_bytes) {
    return FileError(label_, absl::StrCat("has ", size(), " bytes, at most ", max_bytes, " are accepted"));
  }
  std::string text(static_cast<size_t>(size()), '\0');
  RETURN_IF_ERROR(ReadAt(0, size(), text.data()));
  return text;
}

}  // namespace circuitd
