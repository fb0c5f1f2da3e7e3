// Puts the chunks of a tensor stream together, and keeps the tensors as a file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "circuitd/v1/tensor.pb.h"

namespace circuitd::client {

struct NamedTensor {
  std::string name;
  v1::DataType data_type = v1::DATA_TYPE_UNSPECIFIED;
  std::vector<int64_t> shape;
  // Row-major, little-endian.
  std::string data;
};

// Not thread-safe.
class TensorCollector {
 public:
  // DATA_LOSS if the chunk does not go on where the last one ended, or does not fit its tensor.
  absl::Status Add(const v1::TensorChunk& chunk);
  // All tensors in the order of the stream. DATA_LOSS if the last one is not whole. Call once.
  absl::StatusOr<std::vector<NamedTensor>> Finish();

 private:
  absl::Status CheckLastIsWhole() const;

  std::vector<NamedTensor> tensors_;
  uint64_t expected_bytes_ = 0;  // of the last tensor
};

// Writes a safetensors file, which appears whole or not at all: it is renamed from `path`.part.
// Source: https://github.com/huggingface/safetensors#format
absl::Status WriteSafetensorsFile(const std::string& path, const std::vector<NamedTensor>& tensors);

}  // namespace circuitd::client
