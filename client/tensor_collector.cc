#include "client/tensor_collector.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/safetensors_header.h"

namespace circuitd::client {

absl::Status TensorCollector::Add(const v1::TensorChunk& chunk) {
  RETURN_IF_ERROR(order_.Add(chunk));
  bytes_ += chunk.data().size();
  if (bytes_ > kMaxBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("more than ", kMaxBytes, " bytes of tensors came"));
  }
  data_.resize(order_.tensors().size());
  data_.back().append(chunk.data());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<NamedTensor>> TensorCollector::Finish() {
  RETURN_IF_ERROR(order_.Finish());
  std::vector<NamedTensor> tensors;
  for (size_t i = 0; i < data_.size(); ++i) {
    const TensorInfo& info = order_.tensors()[i];
    tensors.push_back({info.name, info.data_type, info.shape, std::move(data_[i])});
  }
  return tensors;
}

absl::Status WriteSafetensors(AtomicFile file, const std::vector<NamedTensor>& tensors) {
  std::vector<TensorInfo> infos;
  for (const NamedTensor& tensor : tensors) {
    infos.push_back({tensor.name, tensor.data_type, tensor.shape, tensor.data.size()});
  }
  RETURN_IF_ERROR(file.Write(SafetensorsHeader(infos)));
  for (const NamedTensor& tensor : tensors) RETURN_IF_ERROR(file.Write(tensor.data));
  return file.Commit();
}

}  // namespace circuitd::client
