#include "client/tensor_collector.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <optional>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/local_file.h"
#include "nlohmann/json.hpp"

namespace circuitd::client {
namespace {

struct TypeInfo {
  uint64_t bytes;
  const char* safetensors_name;
};

std::optional<TypeInfo> InfoOf(v1::DataType type) {
  switch (type) {
    case v1::DATA_TYPE_FLOAT32:
      return TypeInfo{4, "F32"};
    case v1::DATA_TYPE_FLOAT16:
      return TypeInfo{2, "F16"};
    case v1::DATA_TYPE_BFLOAT16:
      return TypeInfo{2, "BF16"};
    case v1::DATA_TYPE_INT64:
      return TypeInfo{8, "I64"};
    default:
      return std::nullopt;
  }
}

absl::StatusOr<uint64_t> ByteCount(const v1::TensorChunk& chunk) {
  const auto info = InfoOf(chunk.data_type());
  if (!info) return absl::DataLossError(absl::StrCat(chunk.name(), ": unknown data type ", chunk.data_type()));
  uint64_t bytes = info->bytes;
  for (int64_t dimension : chunk.shape()) {
    if (dimension < 0 || __builtin_mul_overflow(bytes, static_cast<uint64_t>(dimension), &bytes)) {
      return absl::DataLossError(absl::StrCat(chunk.name(), ": impossible shape"));
    }
  }
  return bytes;
}

// The length of the header, eight bytes little-endian, and the header: JSON padded with spaces to whole words.
std::string Header(const std::vector<NamedTensor>& tensors) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  uint64_t begin = 0;
  for (const NamedTensor& tensor : tensors) {
    const uint64_t end = begin + tensor.data.size();
    header[tensor.name] = {
        {"dtype", InfoOf(tensor.data_type)->safetensors_name}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string json = header.dump();
  json.append((8 - json.size() % 8) % 8, ' ');
  std::string length;
  for (int shift = 0; shift < 64; shift += 8) length.push_back(static_cast<char>(json.size() >> shift & 0xff));
  return length + json;
}

}  // namespace

absl::Status TensorCollector::CheckLastIsWhole() const {
  if (tensors_.empty() || tensors_.back().data.size() == expected_bytes_) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(tensors_.back().name, ": ", tensors_.back().data.size(), " of ", expected_bytes_, " bytes came"));
}

absl::Status TensorCollector::Add(const v1::TensorChunk& chunk) {
  const bool first = chunk.offset() == 0;
  if (first) {
    RETURN_IF_ERROR(CheckLastIsWhole());
    ASSIGN_OR_RETURN(expected_bytes_, ByteCount(chunk));
    tensors_.push_back({chunk.name(), chunk.data_type(), {chunk.shape().begin(), chunk.shape().end()}, ""});
  }
  if (tensors_.empty() || tensors_.back().name != chunk.name() || tensors_.back().data.size() != chunk.offset()) {
    return absl::DataLossError(absl::StrCat(chunk.name(), ": a chunk at offset ", chunk.offset(), " is out of order"));
  }
  NamedTensor& tensor = tensors_.back();
  if (chunk.data().size() > expected_bytes_ - tensor.data.size()) {
    return absl::DataLossError(absl::StrCat(chunk.name(), ": more than its ", expected_bytes_, " bytes came"));
  }
  tensor.data.append(chunk.data());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<NamedTensor>> TensorCollector::Finish() {
  RETURN_IF_ERROR(CheckLastIsWhole());
  return std::move(tensors_);
}

absl::Status WriteSafetensorsFile(const std::string& path, const std::vector<NamedTensor>& tensors) {
  const std::string part = absl::StrCat(path, ".part");
  const int fd = open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) return ErrnoStatus("cannot write", part);
  absl::Cleanup remove = [&] { unlink(part.c_str()); };
  absl::Status written = WriteFully(fd, Header(tensors), part);
  for (const NamedTensor& tensor : tensors) {
    if (written.ok()) written = WriteFully(fd, tensor.data, part);
  }
  if (close(fd) != 0 && written.ok()) written = ErrnoStatus("cannot write", part);
  RETURN_IF_ERROR(written);
  if (std::rename(part.c_str(), path.c_str()) != 0) return ErrnoStatus("cannot write", path);
  std::move(remove).Cancel();
  return absl::OkStatus();
}

}  // namespace circuitd::client
