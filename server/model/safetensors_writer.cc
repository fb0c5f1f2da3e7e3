#include "server/model/safetensors_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/utf8.h"
#include "base/write_all.h"
#include "server/model/quote.h"
#include "server/model/safetensors_header.h"

namespace circuitd {
namespace {

using NamedTensor = std::pair<const std::string, HostTensor>;

absl::Status CheckTensor(const NamedTensor& tensor) {
  const auto& [name, value] = tensor;
  const auto error = [&name = name](const auto&... parts) {
    return absl::InvalidArgumentError(absl::StrCat("tensor ", QuoteName(name), ": ", parts...));
  };
  if (FirstInvalidUtf8(name)) return error("its name is not UTF-8");
  if (name == "__metadata__") return error("its name is reserved");
  int64_t bytes = DTypeSize(value.dtype);
  for (const int64_t dimension : value.shape) {
    if (dimension < 0 || __builtin_mul_overflow(bytes, dimension, &bytes)) {
      return error("shape ", ShowShape(value.shape), " is negative or too large");
    }
  }
  if (bytes != static_cast<int64_t>(value.data.size())) {
    return error(DTypeName(value.dtype), " of shape ", ShowShape(value.shape), " has ", bytes, " bytes, but its data ",
                 value.data.size());
  }
  return absl::OkStatus();
}

// The length, the JSON text, and spaces up to a multiple of 8, so that the data is aligned.
absl::StatusOr<std::string> EncodeHeader(const std::vector<const NamedTensor*>& tensors,
                                         const std::map<std::string, std::string>& metadata) {
  nlohmann::json header = nlohmann::json::object();
  for (const auto& [key, value] : metadata) {
    if (FirstInvalidUtf8(key) || FirstInvalidUtf8(value)) {
      return absl::InvalidArgumentError(absl::StrCat("metadata ", QuoteName(key), ": not UTF-8"));
    }
    header["__metadata__"][key] = value;
  }
  int64_t offset = 0;
  for (const NamedTensor* tensor : tensors) {
    const HostTensor& value = tensor->second;
    const int64_t end = offset + static_cast<int64_t>(value.data.size());
    header[tensor->first] = {{"dtype", std::string(SafetensorsDTypeName(value.dtype))},
                             {"shape", value.shape},
                             {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  if (static_cast<int64_t>(text.size()) > kMaxSafetensorsHeaderBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the header has ", text.size(), " bytes, at most ", kMaxSafetensorsHeaderBytes, " are allowed"));
  }
  std::string length;
  for (int i = 0; i < 8; ++i) length.push_back(static_cast<char>(text.size() >> (8 * i) & 0xFF));
  return length + text;
}

absl::Status ErrnoStatus(int error, const std::string& path) {
  const std::string message = absl::StrCat(path, ": ", std::strerror(error));
  return error == ENOSPC || error == EDQUOT ? absl::ResourceExhaustedError(message)
                                            : absl::FailedPreconditionError(message);
}

absl::Status WriteAll(int fd, absl::string_view bytes, const std::string& path) {
  return WriteAllBytes(fd, bytes) ? absl::OkStatus() : ErrnoStatus(errno, path);
}

}  // namespace

absl::Status WriteSafetensors(const std::string& path, const std::map<std::string, HostTensor>& tensors,
                              const std::map<std::string, std::string>& metadata) {
  std::vector<const NamedTensor*> ordered;
  for (const NamedTensor& tensor : tensors) {
    RETURN_IF_ERROR(CheckTensor(tensor));
    ordered.push_back(&tensor);
  }
  // Wide elements first, so that each tensor is aligned to its element.
  std::stable_sort(ordered.begin(), ordered.end(), [](const NamedTensor* a, const NamedTensor* b) {
    return DTypeSize(a->second.dtype) > DTypeSize(b->second.dtype);
  });
  ASSIGN_OR_RETURN(const std::string header, EncodeHeader(ordered, metadata));

  static std::atomic<uint64_t> writes = 0;
  const std::string temporary = absl::StrCat(path, ".", ::getpid(), "-", writes++, ".tmp");
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return ErrnoStatus(errno, path);
  absl::Status status = WriteAll(fd, header, path);
  for (const NamedTensor* tensor : ordered) {
    if (!status.ok()) break;
    status = WriteAll(fd, tensor->second.data, path);
  }
  if (::close(fd) != 0 && status.ok()) status = ErrnoStatus(errno, path);
  if (status.ok() && std::rename(temporary.c_str(), path.c_str()) != 0) status = ErrnoStatus(errno, path);
  if (!status.ok()) ::unlink(temporary.c_str());
  return status;
}

}  // namespace circuitd
