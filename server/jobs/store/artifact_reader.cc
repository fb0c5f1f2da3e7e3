// ArtifactReader: pieces of a file.
#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "server/jobs/store/artifact_folder.h"
#include "server/jobs/store/file_error.h"

namespace circuitd {

absl::StatusOr<std::string> ArtifactReader::Read(int64_t offset, size_t limit) const {
  if (offset < 0 || offset > size_) {
    return absl::OutOfRangeError(absl::StrCat(path_, " has ", size_, " bytes, asked for is byte ", offset));
  }
  std::string bytes(std::min<uint64_t>(limit, size_ - offset), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::pread(file_.get(), bytes.data() + done, bytes.size() - done, offset + done);
    if (got > 0) {
      done += got;
    } else if (got == 0) {
      return absl::DataLossError(absl::StrCat(path_, " is damaged: it has become shorter"));
    } else if (errno != EINTR) {
      return FileError(path_, "read", errno);
    }
  }
  return bytes;
}

}  // namespace circuitd
