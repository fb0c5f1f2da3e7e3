// A regular file that is read by position, and what tells whether it is still the same file.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace circuitd {

// Differs whenever a file was replaced or written to, as far as the file system tells.
struct FileStamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size = 0;
  int64_t mtime_ns = 0;

  friend auto operator<=>(const FileStamp&, const FileStamp&) = default;
};

// FAILED_PRECONDITION, naming `label`, if `path` is no regular file or can't be looked at. Links are followed.
absl::StatusOr<FileStamp> StampFile(const std::string& path, absl::string_view label);

// Owns the descriptor. Const methods are thread-safe.
class InputFile {
 public:
  // `label` is what messages call the file: its name, not the server's path. FAILED_PRECONDITION if it can't be opened
  // or is not a regular file; a FIFO does not block.
  static absl::StatusOr<InputFile> Open(const std::string& path, std::string label);

  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  const std::string& label() const { return label_; }
  // As of Open.
  int64_t size() const { return stamp_.size; }
  const FileStamp& stamp() const { return stamp_; }

  // Fills `buffer` with `size` bytes from `offset` on. FAILED_PRECONDITION if the file ends before, or on an I/O error.
  absl::Status ReadAt(int64_t offset, int64_t size, char* buffer) const;

  // The whole file. FAILED_PRECONDITION, naming the bound, if it is longer than `max_bytes`.
  absl::StatusOr<std::string> ReadAll(int64_t max_bytes) const;

 private:
  InputFile(int fd, std::string label, FileStamp stamp);

  int fd_ = -1;
  std::string label_;
  FileStamp stamp_;
};

}  // namespace circuitd
