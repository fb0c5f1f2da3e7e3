#include "client/artifact_download.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/local_file.h"
#include "client/retry.h"

namespace circuitd::client {
namespace {

// The file that collects an artifact's bytes. Lives for one download.
class PartFile {
 public:
  explicit PartFile(std::string path) : path_(std::move(path)) {}
  ~PartFile() { (void)Close(); }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  // Takes up what is there, unless that is longer than `most` bytes.
  absl::Status Open(uint64_t most) {
    fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd_ < 0) return ErrnoStatus("cannot write", path_);
    const off_t end = lseek(fd_, 0, SEEK_END);
    if (end < 0) return ErrnoStatus("cannot write", path_);
    size_ = static_cast<uint64_t>(end);
    return size_ > most ? Empty() : absl::OkStatus();
  }
  absl::Status Append(absl::string_view bytes) {
    RETURN_IF_ERROR(WriteFully(fd_, bytes, path_));
    size_ += bytes.size();
    return absl::OkStatus();
  }
  absl::Status Empty() {
    if (ftruncate(fd_, 0) != 0 || lseek(fd_, 0, SEEK_SET) < 0) return ErrnoStatus("cannot empty", path_);
    size_ = 0;
    return absl::OkStatus();
  }
  absl::Status Close() {
    const int fd = std::exchange(fd_, -1);
    return fd >= 0 && close(fd) != 0 ? ErrnoStatus("cannot write", path_) : absl::OkStatus();
  }
  void Remove() {
    (void)Close();
    unlink(path_.c_str());
  }
  uint64_t size() const { return size_; }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  int fd_ = -1;
  uint64_t size_ = 0;
};

// Fills the part file up to the artifact's size, over as many connections as it takes.
absl::Status Fill(Client& client, const std::string& job_name, const v1::Artifact& artifact,
                  const DownloadOptions& options, PartFile& part) {
  RetryOptions retries;
  retries.back_off = options.back_off;
  retries.canceller = options.canceller;
  retries.on_wait = options.on_reconnect;
  Retry retry(std::move(retries));
  while (true) {
    v1::DownloadArtifactRequest request;
    request.set_name(job_name);
    request.set_artifact(artifact.name());
    request.set_offset(part.size());
    const auto receive = [&](const v1::DownloadArtifactResponse& response) -> absl::Status {
      if (response.has_artifact()) {
        if (response.artifact().sha256() != artifact.sha256()) {
          return absl::DataLossError(absl::StrCat(artifact.name(), " has changed at the server"));
        }
        return absl::OkStatus();
      }
      if (part.size() + response.data().size() > artifact.size_bytes()) {
        return absl::DataLossError(
            absl::StrCat(artifact.name(), ": more than the ", artifact.size_bytes(), " bytes that it has"));
      }
      if (!response.data().empty()) retry.Heard();
      return part.Append(response.data());
    };
    absl::Status status = client.DownloadArtifact(request, receive, options.canceller);
    if (status.ok() && part.size() == artifact.size_bytes()) return status;
    if (status.ok()) {
      status = absl::UnavailableError(absl::StrCat(artifact.name(), ": the stream ended after ", part.size(), " of ",
                                                   artifact.size_bytes(), " bytes"));
    }
    if (retry.WaitAfter(status)) continue;
    const bool cancelled = options.canceller != nullptr && options.canceller->cancelled();
    return cancelled ? absl::CancelledError(absl::StrCat("no longer downloading ", artifact.name())) : status;
  }
}

absl::Status Verify(const v1::Artifact& artifact, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string sha256, FileSha256(path));
  if (sha256 == artifact.sha256()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(artifact.name(), ": the received bytes have sha256 ", sha256, ", not ", artifact.sha256()));
}

}  // namespace

absl::Status CheckArtifactName(absl::string_view name) {
  const bool plain = !name.empty() && name.size() <= 200 && name.front() != '.' &&
                     std::all_of(name.begin(), name.end(), [](unsigned char c) {
                       return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
                     });
  return plain ? absl::OkStatus() : InvalidField("artifact", absl::StrCat("'", name, "' is not a plain file name"));
}

absl::Status DownloadArtifactTo(Client& client, const std::string& job_name, const v1::Artifact& artifact,
                                const std::string& folder, const DownloadOptions& options) {
  RETURN_IF_ERROR(CheckArtifactName(artifact.name()));
  const std::string path = absl::StrCat(folder, "/", artifact.name());
  PartFile part(absl::StrCat(path, ".part"));
  RETURN_IF_ERROR(part.Open(artifact.size_bytes()));
  const bool resumed = part.size() > 0;
  absl::Status status = Fill(client, job_name, artifact, options, part);
  if (status.ok()) status = Verify(artifact, part.path());
  if (absl::IsDataLoss(status) && resumed) {
    // What an earlier call left may have been of another job: once more from the start.
    RETURN_IF_ERROR(part.Empty());
    status = Fill(client, job_name, artifact, options, part);
    if (status.ok()) status = Verify(artifact, part.path());
  }
  if (absl::IsDataLoss(status)) part.Remove();
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(part.Close());
  std::error_code error;
  std::filesystem::rename(part.path(), path, error);
  if (error) return absl::UnknownError(absl::StrCat("cannot rename ", part.path(), ": ", error.message()));
  return absl::OkStatus();
}

}  // namespace circuitd::client
