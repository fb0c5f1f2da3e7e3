#include "client/local_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/write_all.h"

namespace circuitd::client {
namespace {

// Hands the file's bytes to `take`, piece by piece, and stops at its error.
absl::Status ReadPieces(const std::string& path, const std::function<absl::Status(absl::string_view)>& take) {
  const bool standard_input = path == "-";
  const int fd = standard_input ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus("cannot read", path);
  const absl::Cleanup close_file = [&] {
    if (!standard_input) close(fd);
  };
  std::vector<char> buffer(1 << 16);
  while (true) {
    const ssize_t count = read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus("cannot read", path);
    if (count == 0) return absl::OkStatus();
    RETURN_IF_ERROR(take(absl::string_view(buffer.data(), static_cast<size_t>(count))));
  }
}

}  // namespace

absl::Status ErrnoStatus(absl::string_view what, absl::string_view path) {
  const int error = errno;
  const absl::Status status = absl::ErrnoToStatus(error, absl::StrCat(what, " ", path));
  // What a person typed does not suit: an error of usage, not of the server's state.
  if (error == EISDIR || error == ENOTDIR) return absl::InvalidArgumentError(status.message());
  return status;
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  std::string bytes;
  RETURN_IF_ERROR(ReadPieces(path, [&](absl::string_view piece) -> absl::Status {
    if (piece.size() > max_bytes - bytes.size()) {
      return absl::InvalidArgumentError(absl::StrCat(path, " has more than ", max_bytes, " bytes"));
    }
    absl::StrAppend(&bytes, piece);
    return absl::OkStatus();
  }));
  return bytes;
}

absl::StatusOr<std::string> FileSha256(const std::string& path) {
  Sha256 sha256;
  RETURN_IF_ERROR(ReadPieces(path, [&](absl::string_view piece) {
    sha256.Update(piece);
    return absl::OkStatus();
  }));
  return sha256.Finish();
}

absl::Status WriteFully(int fd, absl::string_view bytes, absl::string_view path) {
  return WriteAllBytes(fd, bytes) ? absl::OkStatus() : ErrnoStatus("cannot write", path);
}

}  // namespace circuitd::client
