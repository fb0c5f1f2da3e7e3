#include "server/model/safetensors.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/quote.h"

namespace circuitd {
namespace {

constexpr int64_t kLengthBytes = 8;

// Little-endian, whatever the host is.
uint64_t DecodeLength(const char (&bytes)[kLengthBytes]) {
  uint64_t length = 0;
  for (int i = kLengthBytes - 1; i >= 0; --i) length = length << 8 | static_cast<uint8_t>(bytes[i]);
  return length;
}

}  // namespace

absl::StatusOr<SafetensorsFile> SafetensorsFile::Open(const std::string& path, std::string label) {
  ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path, std::move(label)));
  const auto error = [&](const auto&... parts) {
    return absl::FailedPreconditionError(absl::StrCat(file.label(), ": ", parts...));
  };
  if (file.size() < kLengthBytes) {
    return error("has ", file.size(), " bytes, a safetensors file has at least ", kLengthBytes, " (truncated?)");
  }
  char length_bytes[kLengthBytes];
  RETURN_IF_ERROR(file.ReadAt(0, kLengthBytes, length_bytes));
  const uint64_t length = DecodeLength(length_bytes);
  if (length > static_cast<uint64_t>(kMaxSafetensorsHeaderBytes)) {
    return error("the header's length is ", length, ", at most ", kMaxSafetensorsHeaderBytes, " is allowed");
  }
  const int64_t data_begin = kLengthBytes + static_cast<int64_t>(length);
  if (data_begin > file.size()) {
    return error("the header's length is ", length, ", but the file has only ", file.size() - kLengthBytes,
                 " bytes after it (truncated?)");
  }
  std::string text(length, '\0');
  RETURN_IF_ERROR(file.ReadAt(kLengthBytes, static_cast<int64_t>(length), text.data()));
  ASSIGN_OR_RETURN(SafetensorsHeader header, ParseSafetensorsHeader(text, file.size() - data_begin, file.label()));
  return SafetensorsFile(std::move(file), std::move(header), data_begin);
}

SafetensorsFile::SafetensorsFile(InputFile file, SafetensorsHeader header, int64_t data_begin)
    : file_(std::move(file)), header_(std::move(header)), data_begin_(data_begin) {}

absl::Status SafetensorsFile::ReadBytes(const SafetensorsEntry& entry, int64_t begin, int64_t size,
                                        char* buffer) const {
  return file_.ReadAt(data_begin_ + entry.offset + begin, size, buffer);
}

absl::StatusOr<HostTensor> SafetensorsFile::Read(absl::string_view name) const {
  const auto found = header_.tensors.find(std::string(name));
  if (found == header_.tensors.end()) {
    return absl::NotFoundError(absl::StrCat(label(), ": there is no tensor ", QuoteName(name)));
  }
  const SafetensorsEntry& entry = found->second;
  const auto dtype = DTypeFromSafetensors(entry.dtype);
  if (!dtype) {
    return absl::FailedPreconditionError(absl::StrCat(label(), ": tensor ", QuoteName(name), ": dtype ", entry.dtype,
                                                      ", must be F32, F16, BF16 or I64"));
  }
  HostTensor tensor{.dtype = *dtype, .shape = entry.shape, .data = std::string(static_cast<size_t>(entry.size), '\0')};
  RETURN_IF_ERROR(ReadBytes(entry, 0, entry.size, tensor.data.data()));
  return tensor;
}

}  // namespace circuitd
