// Tensors as a sequence of chunks, each made when it is to be written.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "circuitd/v1/tensor.pb.h"
#include "server/model/host_tensor.h"

namespace circuitd {

// Not thread-safe.
class TensorChunks {
 public:
  static constexpr size_t kMaxChunkBytes = size_t{1} << 20;

  void Add(std::string name, HostTensor tensor) {
    held_bytes_ += static_cast<int64_t>(tensor.data.size());
    tensors_.emplace_back(std::move(name), std::move(tensor));
  }
  // The next chunk; false after the last one. A tensor's memory goes with its last chunk.
  bool Next(v1::TensorChunk& chunk);
  // Of the tensors that are still here.
  int64_t held_bytes() const { return held_bytes_; }

 private:
  std::deque<std::pair<std::string, HostTensor>> tensors_;
  size_t offset_ = 0;
  int64_t held_bytes_ = 0;
};

}  // namespace circuitd
