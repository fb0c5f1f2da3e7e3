#include "server/jobs/store/file_error.h"

#include <cerrno>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace circuitd {
namespace {

absl::StatusCode CodeOf(int error) {
  if (IsDiskFull(error)) return absl::StatusCode::kResourceExhausted;
  switch (error) {
    case EMFILE:
    case ENFILE:
      return absl::StatusCode::kResourceExhausted;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EEXIST:
    case EISDIR:
    case ELOOP:
    case ENOTDIR:
      return absl::StatusCode::kFailedPrecondition;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

bool IsDiskFull(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

absl::Status FileError(absl::string_view path, absl::string_view what, int error) {
  return absl::Status(CodeOf(error),
                      absl::StrCat(path, ": can't ", what, ": ", IsDiskFull(error) ? "disk is full: " : "",
                                   std::generic_category().message(error)));
}

}  // namespace circuitd
