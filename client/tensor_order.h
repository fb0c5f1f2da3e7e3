// Which tensors a stream brings, and whether its chunks come as they should.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "circuitd/v1/tensor.pb.h"

namespace circuitd::client {

// Of one element; nullopt for types that the protocol does not have.
std::optional<uint64_t> ElementBytes(v1::DataType type);

struct TensorInfo {
  std::string name;
  v1::DataType data_type = v1::DATA_TYPE_UNSPECIFIED;
  std::vector<int64_t> shape;
  uint64_t bytes = 0;
};

// A server may say anything: names, shapes and offsets are checked here, once for all. Not thread-safe.
class TensorOrder {
 public:
  // After OK the chunk's data goes on the last of `tensors`. DATA_LOSS if the chunk does not go on where the last one
  // ended, does not fit its tensor, or begins one that was there; RESOURCE_EXHAUSTED for more names than a file holds.
  absl::Status Add(const v1::TensorChunk& chunk);
  // DATA_LOSS if the last tensor is not whole.
  absl::Status Finish() const;

  const std::vector<TensorInfo>& tensors() const { return tensors_; }

 private:
  absl::Status Begin(const v1::TensorChunk& chunk);

  std::vector<TensorInfo> tensors_;
  std::set<std::string> names_;
  uint64_t received_ = 0;      // bytes of the last tensor
  uint64_t header_bytes_ = 0;  // about what a file's header takes
};

}  // namespace circuitd::client
