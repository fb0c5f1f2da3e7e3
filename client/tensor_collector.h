// Puts the chunks of a tensor stream together, in memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "circuitd/v1/tensor.pb.h"
#include "client/atomic_file.h"
#include "client/tensor_order.h"

namespace circuitd::client {

struct NamedTensor {
  std::string name;
  v1::DataType data_type = v1::DATA_TYPE_UNSPECIFIED;
  std::vector<int64_t> shape;
  // Row-major, little-endian.
  std::string data;
};

// For tensors that are looked at; larger ones are spooled to the disk. Not thread-safe.
class TensorCollector {
 public:
  // Of all tensors together.
  static constexpr uint64_t kMaxBytes = uint64_t{1} << 30;

  // Errors as TensorOrder's; RESOURCE_EXHAUSTED for more than kMaxBytes.
  absl::Status Add(const v1::TensorChunk& chunk);
  // All tensors in the order of the stream. DATA_LOSS if the last one is not whole. Call once.
  absl::StatusOr<std::vector<NamedTensor>> Finish();

 private:
  TensorOrder order_;
  std::vector<std::string> data_;  // of each tensor
  uint64_t bytes_ = 0;
};

// Writes `tensors` to `file` as safetensors, and commits it.
absl::Status WriteSafetensors(AtomicFile file, const std::vector<NamedTensor>& tensors);

}  // namespace circuitd::client
