#include "client/tensor_file.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/local_file.h"
#include "server/model/safetensors.h"

namespace circuitd::client {
namespace {

// No server takes larger messages than the client does.
constexpr int64_t kMaxTensorBytes = 256 << 20;

v1::DataType TypeOf(DType type) {
  switch (type) {
    case DType::kFloat32:
      return v1::DATA_TYPE_FLOAT32;
    case DType::kFloat16:
      return v1::DATA_TYPE_FLOAT16;
    case DType::kBFloat16:
      return v1::DATA_TYPE_BFLOAT16;
    case DType::kInt64:
      return v1::DATA_TYPE_INT64;
  }
  return v1::DATA_TYPE_UNSPECIFIED;
}

// The user's file is an argument; the reader's words for a model's file are of the server's state.
absl::Status AsArgument(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) ? absl::InvalidArgumentError(status.message()) : status;
}

}  // namespace

absl::StatusOr<v1::Tensor> ReadTensor(const std::string& path, const std::string& name) {
  if (access(path.c_str(), R_OK) != 0) return ErrnoStatus("cannot read", path);
  const absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(path, path);
  if (!file.ok()) return AsArgument(file.status());
  const auto entry = file->tensors().find(name);
  if (entry == file->tensors().end()) return absl::NotFoundError(absl::StrCat(path, " has no tensor ", name));
  if (entry->second.size > kMaxTensorBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, "#", name, ": ", entry->second.size, " bytes, at most ",
                                                   kMaxTensorBytes, " fit into a message"));
  }
  absl::StatusOr<HostTensor> read = file->Read(name);
  if (!read.ok()) return AsArgument(read.status());
  v1::Tensor tensor;
  tensor.set_data_type(TypeOf(read->dtype));
  tensor.mutable_shape()->Add(read->shape.begin(), read->shape.end());
  tensor.set_data(std::move(read->data));
  return tensor;
}

}  // namespace circuitd::client
