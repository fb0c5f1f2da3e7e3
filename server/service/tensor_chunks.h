// Tensors as a sequence of messages, each made when it is to be written, around the tensor's own memory.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <cstdint>
#include <deque>
#include <memory>
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
    tensors_.emplace_back(std::move(name), std::make_shared<const HostTensor>(std::move(tensor)));
  }
  // The next chunk: all but its data, and that, uncopied; false after the last one. A tensor's memory goes with the
  // last slice of it.
  bool Next(v1::TensorChunk& chunk, grpc::Slice& data);
  // Of the tensors that have not been given out whole.
  int64_t held_bytes() const { return held_bytes_; }

 private:
  std::deque<std::pair<std::string, std::shared_ptr<const HostTensor>>> tensors_;
  size_t offset_ = 0;
  int64_t held_bytes_ = 0;
};

// A message on the wire whose one field, of the number `field`, is `chunk` with `data`.
grpc::ByteBuffer ChunkMessage(int field, const v1::TensorChunk& chunk, const grpc::Slice& data);

}  // namespace circuitd
