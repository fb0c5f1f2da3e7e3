// What identifies a loaded model's files: one SHA-256 over all of them, computed in the background.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "server/model/input_file.h"

namespace circuitd {

// Files' SHA-256 by their stamps, so that a model that is loaded again is not read again. Thread-safe.
class FileHashCache {
 public:
  // Nullopt if it is not known.
  std::optional<std::string> Find(const FileStamp& stamp) const;
  void Add(const FileStamp& stamp, std::string sha256);

 private:
  mutable Mutex mutex_;
  std::map<FileStamp, std::string> sha256_of_ GUARDED_BY(mutex_);
};

struct FingerprintFile {
  std::string name;  // in its folder
  std::string path;
  FileStamp stamp;  // when it was loaded
};

// The SHA-256 of the text that `sha256sum config.json model.safetensors … | LC_ALL=C sort -k2` prints: a line
// "<sha256 of the file>  <name>\n" for each file, sorted by name. Thread-safe.
class Fingerprint {
 public:
  // Begins to compute it on a thread of its own. `cache` is shared with other fingerprints.
  Fingerprint(std::vector<FingerprintFile> files, std::shared_ptr<FileHashCache> cache);
  // Stops within a block of a file.
  ~Fingerprint();
  Fingerprint(const Fingerprint&) = delete;
  Fingerprint& operator=(const Fingerprint&) = delete;

  // 64 lower-case hexadecimal digits. Waits until they are known. FAILED_PRECONDITION, naming the file, if one has
  // changed or vanished since it was loaded.
  absl::StatusOr<std::string> Sha256() const;

  // Empty while it is not known, and if it can't be.
  std::string Sha256IfKnown() const;

 private:
  absl::StatusOr<std::string> Compute() const;
  absl::StatusOr<std::string> HashFile(const FingerprintFile& file) const;

  const std::vector<FingerprintFile> files_;
  const std::shared_ptr<FileHashCache> cache_;
  std::atomic<bool> stop_ = false;
  mutable Mutex mutex_;
  mutable CondVar done_;
  std::optional<absl::StatusOr<std::string>> result_ GUARDED_BY(mutex_);
  std::thread thread_;  // last: it uses the others
};

}  // namespace circuitd
