#include "server/model/fingerprint.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"

namespace circuitd {
namespace {

constexpr int64_t kBlockBytes = 1 << 20;
// Far more files than a server holds; beyond it the cache starts anew rather than growing for ever.
constexpr size_t kMaxCachedFiles = 10'000;

std::vector<FingerprintFile> SortedByName(std::vector<FingerprintFile> files) {
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

}  // namespace

std::optional<std::string> FileHashCache::Find(const FileStamp& stamp) const {
  MutexLock lock(mutex_);
  const auto found = sha256_of_.find(stamp);
  if (found == sha256_of_.end()) return std::nullopt;
  return found->second;
}

void FileHashCache::Add(const FileStamp& stamp, std::string sha256) {
  MutexLock lock(mutex_);
  if (sha256_of_.size() >= kMaxCachedFiles) sha256_of_.clear();
  sha256_of_.insert_or_assign(stamp, std::move(sha256));
}

Fingerprint::Fingerprint(std::vector<FingerprintFile> files, std::shared_ptr<FileHashCache> cache)
    : files_(SortedByName(std::move(files))), cache_(std::move(cache)), thread_([this] {
        absl::StatusOr<std::string> result = Compute();
        MutexLock lock(mutex_);
        result_ = std::move(result);
        done_.SignalAll();
      }) {}

Fingerprint::~Fingerprint() {
  stop_ = true;
  thread_.join();
}

absl::StatusOr<std::string> Fingerprint::Sha256() const {
  MutexLock lock(mutex_);
  while (!result_) done_.Wait(mutex_);
  return *result_;
}

std::string Fingerprint::Sha256IfKnown() const {
  MutexLock lock(mutex_);
  return result_ && result_->ok() ? **result_ : "";
}

absl::StatusOr<std::string> Fingerprint::Compute() const {
  try {
    std::string lines;
    for (const FingerprintFile& file : files_) {
      ASSIGN_OR_RETURN(const std::string sha256, HashFile(file));
      absl::StrAppend(&lines, sha256, "  ", file.name, "\n");
    }
    return Sha256Hex(lines);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory while a model's files were hashed");
  }
}

absl::StatusOr<std::string> Fingerprint::HashFile(const FingerprintFile& file) const {
  const auto unchanged = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const FileStamp stamp, StampFile(file.path, file.name));
    if (stamp == file.stamp) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(file.name, ": has changed since it was loaded"));
  };
  RETURN_IF_ERROR(unchanged());
  if (auto known = cache_->Find(file.stamp)) return *std::move(known);
  ASSIGN_OR_RETURN(const InputFile input, InputFile::Open(file.path, file.name));
  circuitd::Sha256 sha;
  std::string block(kBlockBytes, '\0');
  for (int64_t offset = 0; offset < file.stamp.size; offset += kBlockBytes) {
    if (stop_) return absl::CancelledError("the model was unloaded");
    const int64_t size = std::min(kBlockBytes, file.stamp.size - offset);
    RETURN_IF_ERROR(input.ReadAt(offset, size, block.data()));
    sha.Update(absl::string_view(block.data(), static_cast<size_t>(size)));
  }
  RETURN_IF_ERROR(unchanged());
  std::string sha256 = sha.Finish();
  cache_->Add(file.stamp, sha256);
  return sha256;
}

}  // namespace circuitd
