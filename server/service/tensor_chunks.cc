#include "server/service/tensor_chunks.h"

#include <algorithm>

#include "server/service/convert.h"

namespace circuitd {

bool TensorChunks::Next(v1::TensorChunk& chunk) {
  if (tensors_.empty()) return false;
  const auto& [name, tensor] = tensors_.front();
  const size_t size = std::min(kMaxChunkBytes, tensor.data.size() - offset_);
  chunk.set_name(name);
  chunk.set_data_type(ToProto(tensor.dtype));
  for (const int64_t extent : tensor.shape) chunk.add_shape(extent);
  chunk.set_offset(offset_);
  chunk.set_data(tensor.data.data() + offset_, size);
  offset_ += size;
  if (offset_ == tensor.data.size()) {
    held_bytes_ -= static_cast<int64_t>(tensor.data.size());
    tensors_.pop_front();
    offset_ = 0;
  }
  return true;
}

}  // namespace circuitd
