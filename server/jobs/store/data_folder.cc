#include "server/jobs/store/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/jobs/store/file_error.h"
#include "server/jobs/store/folders.h"

namespace circuitd {
namespace {

absl::Status InUse(const std::string& path, const FileDescriptor& lock) {
  char text[32] = {};
  const ssize_t length = ::pread(lock.get(), text, sizeof text - 1, 0);
  int64_t process = 0;
  // Whoever has locked it a moment ago has not yet written who it is.
  const bool known = length > 0 && absl::SimpleAtoi(absl::string_view(text, length), &process);
  return absl::FailedPreconditionError(
      absl::StrCat(path, " is in use by another circuitd", known ? absl::StrCat(" (process ", process, ")") : ""));
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataFolder>> DataFolder::Open(const std::string& path) {
  RETURN_IF_ERROR(MakeFolders(path));
  const std::string lock_path = path + "/lock";
  FileDescriptor lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.valid()) return FileError(lock_path, "write", errno);
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return InUse(path, lock);
    if (errno != EINTR) return FileError(lock_path, "lock", errno);
  }
  if (::ftruncate(lock.get(), 0) != 0) return FileError(lock_path, "write", errno);
  // Only who is refused reads it: a full disk must not keep away the server that could make room.
  const absl::Status written = WriteAll(lock, lock_path, absl::StrCat(::getpid(), "\n"));
  if (!written.ok() && !absl::IsResourceExhausted(written)) return written;
  return std::unique_ptr<DataFolder>(new DataFolder(path, std::move(lock)));
}

}  // namespace circuitd
