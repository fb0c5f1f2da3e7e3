#include "client/safetensors_spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/local_file.h"
#include "client/safetensors_header.h"

namespace circuitd::client {
namespace {

constexpr size_t kCopyBytes = 1 << 20;

}  // namespace

absl::StatusOr<SafetensorsSpool> SafetensorsSpool::Create(const std::string& path) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  std::string spool = absl::StrCat(path, ".spool-XXXXXX");
  const int fd = mkostemp(spool.data(), O_CLOEXEC);
  if (fd < 0) return ErrnoStatus("cannot write", spool);
  // Gone when it is closed, however this process ends.
  unlink(spool.c_str());
  return SafetensorsSpool(std::move(file), fd);
}

SafetensorsSpool::SafetensorsSpool(SafetensorsSpool&& other) noexcept
    : file_(std::move(other.file_)), data_fd_(std::exchange(other.data_fd_, -1)), order_(std::move(other.order_)) {}

SafetensorsSpool::~SafetensorsSpool() {
  if (data_fd_ >= 0) close(data_fd_);
}

absl::Status SafetensorsSpool::Add(const v1::TensorChunk& chunk) {
  RETURN_IF_ERROR(order_.Add(chunk));
  return WriteFully(data_fd_, chunk.data(), "the file of tensors");
}

absl::Status SafetensorsSpool::Finish() {
  RETURN_IF_ERROR(order_.Finish());
  RETURN_IF_ERROR(file_.Write(SafetensorsHeader(order_.tensors())));
  std::string buffer(kCopyBytes, '\0');
  off_t offset = 0;
  while (true) {
    const ssize_t count = pread(data_fd_, buffer.data(), buffer.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus("cannot read", "the file of tensors");
    if (count == 0) return file_.Commit();
    RETURN_IF_ERROR(file_.Write(absl::string_view(buffer.data(), static_cast<size_t>(count))));
    offset += count;
  }
}

}  // namespace circuitd::client
