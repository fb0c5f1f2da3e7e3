// A file that appears under its name whole or not at all.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace circuitd::client {

// Writes to `path`.part, which Commit renames and the destructor removes. A file of that name is replaced, and left
// alone on failure. Not thread-safe.
class AtomicFile {
 public:
  // INVALID_ARGUMENT if there is something else than a regular file under that name already; the system's error if the
  // folder cannot be written to.
  static absl::StatusOr<AtomicFile> Create(const std::string& path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  absl::Status Write(absl::string_view bytes);
  // Call once, last.
  absl::Status Commit();

 private:
  AtomicFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string PartPath() const;

  std::string path_;
  int fd_;
  bool pending_ = true;  // the part is there
};

}  // namespace circuitd::client
