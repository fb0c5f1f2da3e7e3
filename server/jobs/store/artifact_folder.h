// Artifacts as files named by the sha256 of their bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/jobs/store/file_descriptor.h"
#include "server/jobs/store/job.h"

namespace circuitd {

// Bytes that are on the disk, but not yet under their name. Removed with the object unless they were published.
class StagedArtifact {
 public:
  StagedArtifact(StagedArtifact&& other) noexcept;
  StagedArtifact& operator=(StagedArtifact&& other) noexcept;
  ~StagedArtifact();

  const ArtifactInfo& info() const { return info_; }

 private:
  friend class ArtifactFolder;
  StagedArtifact(ArtifactInfo info, std::string path) : info_(std::move(info)), path_(std::move(path)) {}

  ArtifactInfo info_;
  std::string path_;  // empty: published or moved from
};

// An artifact's bytes; stays readable after it was removed. Thread-safe.
class ArtifactReader {
 public:
  ArtifactReader(FileDescriptor file, std::string path, int64_t size)
      : file_(std::move(file)), path_(std::move(path)), size_(size) {}

  int64_t size() const { return size_; }
  // At most `limit` bytes from `offset` on; fewer only at the end. OUT_OF_RANGE if `offset` is not in [0, size()],
  // DATA_LOSS if the file has become shorter, INTERNAL if it can't be read.
  absl::StatusOr<std::string> Read(int64_t offset, size_t limit) const;

 private:
  const FileDescriptor file_;
  const std::string path_;
  const int64_t size_;
};

// Knows only files named by 64 lower-case hexadecimal digits, and never touches others but its own half-written ones.
// Errors are FileError's. Thread-safe.
class ArtifactFolder {
 public:
  // Makes it where it is not there; removes what an earlier process has left half-written.
  static absl::StatusOr<std::unique_ptr<ArtifactFolder>> Open(const std::string& path);

  // Writes the bytes to the disk, which is slow. RESOURCE_EXHAUSTED when the disk is full; nothing is left then.
  absl::StatusOr<StagedArtifact> Stage(const ArtifactFile& file);
  // Gives them their name; they are there after a power cut when it has returned OK. Quick. The same bytes may be there
  // already. After an error it may be called again.
  absl::Status Publish(StagedArtifact& artifact);
  // NOT_FOUND, or DATA_LOSS if the file has another size than `info` says.
  absl::StatusOr<std::shared_ptr<const ArtifactReader>> Open(const ArtifactInfo& info) const;
  // Nothing happens if it is not there. A power cut may bring it back.
  absl::Status Remove(absl::string_view sha256);
  // The sha256s of all artifacts, in no order.
  absl::StatusOr<std::vector<std::string>> List() const;

 private:
  explicit ArtifactFolder(std::string path) : path_(std::move(path)) {}
  std::string PathOf(absl::string_view name) const;
  absl::StatusOr<std::vector<std::string>> Files() const;

  const std::string path_;
};

}  // namespace circuitd
