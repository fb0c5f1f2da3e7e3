#include "server/jobs/store/folders.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/jobs/store/file_descriptor.h"
#include "server/jobs/store/file_error.h"

namespace circuitd {
namespace {

std::string FolderAbove(const std::string& path) {
  std::filesystem::path above(path);
  if (!above.has_filename()) above = above.parent_path();  // "folder/"
  above = above.parent_path();
  return above.empty() ? "." : above.string();
}

}  // namespace

absl::Status MakeFolders(const std::string& path) {
  struct stat found;
  if (::stat(path.c_str(), &found) == 0) {
    if (S_ISDIR(found.st_mode)) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a folder"));
  }
  if (errno != ENOENT || path.empty()) return FileError(path, "create", errno);
  const std::string above = FolderAbove(path);
  RETURN_IF_ERROR(MakeFolders(above));
  // Another process may have been quicker.
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return FileError(path, "create", errno);
  return SyncFolder(above);
}

absl::Status SyncFolder(const std::string& path) {
  const FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return FileError(path, "open", errno);
  return Sync(folder, path);
}

}  // namespace circuitd
