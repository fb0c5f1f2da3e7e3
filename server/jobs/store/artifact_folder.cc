#include "server/jobs/store/artifact_folder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "server/jobs/store/file_error.h"
#include "server/jobs/store/folders.h"

namespace circuitd {
namespace {
constexpr char kStaged[] = "staged-";
}  // namespace

StagedArtifact::StagedArtifact(StagedArtifact&& other) noexcept
    : info_(std::move(other.info_)), path_(std::exchange(other.path_, "")) {}

StagedArtifact& StagedArtifact::operator=(StagedArtifact&& other) noexcept {
  std::swap(info_, other.info_);
  std::swap(path_, other.path_);
  return *this;
}

StagedArtifact::~StagedArtifact() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

absl::StatusOr<std::unique_ptr<ArtifactFolder>> ArtifactFolder::Open(const std::string& path) {
  RETURN_IF_ERROR(MakeFolders(path));
  auto folder = std::unique_ptr<ArtifactFolder>(new ArtifactFolder(path));
  ASSIGN_OR_RETURN(const std::vector<std::string> files, folder->Files());
  for (const std::string& name : files) {
    if (!absl::StartsWith(name, kStaged)) continue;
    const std::string staged = folder->PathOf(name);
    if (::unlink(staged.c_str()) != 0 && errno != ENOENT) return FileError(staged, "remove", errno);
  }
  return folder;
}

std::string ArtifactFolder::PathOf(absl::string_view name) const { return absl::StrCat(path_, "/", name); }

absl::StatusOr<std::vector<std::string>> ArtifactFolder::Files() const {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(path_, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code gone;  // removed since
    if (entry->symlink_status(gone).type() == std::filesystem::file_type::regular) {
      files.push_back(entry->path().filename().string());
    }
  }
  if (error) return FileError(path_, "list", error.value());
  return files;
}

absl::StatusOr<StagedArtifact> ArtifactFolder::Stage(const ArtifactFile& file) {
  std::string path = PathOf(absl::StrCat(kStaged, "XXXXXX"));
  const FileDescriptor staged(::mkostemp(path.data(), O_CLOEXEC));  // for its owner alone
  if (!staged.valid()) return FileError(path, "create", errno);
  StagedArtifact artifact({.name = file.name,
                           .media_type = file.media_type,
                           .sha256 = Sha256Hex(file.bytes),
                           .size_bytes = static_cast<int64_t>(file.bytes.size())},
                          path);
  RETURN_IF_ERROR(WriteAll(staged, path, file.bytes));
  RETURN_IF_ERROR(Sync(staged, path));
  return artifact;
}

absl::Status ArtifactFolder::Publish(StagedArtifact& artifact) {
  if (!artifact.path_.empty()) {
    const std::string path = PathOf(artifact.info_.sha256);
    if (::rename(artifact.path_.c_str(), path.c_str()) != 0) return FileError(path, "write", errno);
    artifact.path_.clear();
  }
  return SyncFolder(path_);
}

absl::StatusOr<std::shared_ptr<const ArtifactReader>> ArtifactFolder::Open(const ArtifactInfo& info) const {
  std::string path = PathOf(info.sha256);
  // A name that is no hash could lead elsewhere.
  if (!IsSha256Hex(info.sha256)) return FileError(path, "open", ENOENT);
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.valid()) return FileError(path, "open", errno);
  struct stat found;
  if (::fstat(file.get(), &found) != 0) return FileError(path, "open", errno);
  if (!S_ISREG(found.st_mode) || found.st_size != info.size_bytes) {
    return absl::DataLossError(
        absl::StrCat(path, " is damaged: it has ", found.st_size, " bytes, not ", info.size_bytes));
  }
  return std::make_shared<const ArtifactReader>(std::move(file), std::move(path), info.size_bytes);
}

absl::Status ArtifactFolder::Remove(absl::string_view sha256) {
  if (!IsSha256Hex(sha256)) return absl::OkStatus();
  const std::string path = PathOf(sha256);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return FileError(path, "remove", errno);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ArtifactFolder::List() const {
  ASSIGN_OR_RETURN(std::vector<std::string> files, Files());
  std::vector<std::string> artifacts;
  for (std::string& name : files) {
    if (IsSha256Hex(name)) artifacts.push_back(std::move(name));
  }
  return artifacts;
}

}  // namespace circuitd
