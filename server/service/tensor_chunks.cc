#include "server/service/tensor_chunks.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>

#include "server/service/convert.h"

namespace circuitd {
namespace {

// Bytes of a tensor, which stays as long as they do.
grpc::Slice SliceOf(const std::shared_ptr<const HostTensor>& tensor, size_t offset, size_t size) {
  using Owner = std::shared_ptr<const HostTensor>;
  // Nobody writes to a slice.
  char* bytes = const_cast<char*>(tensor->data.data()) + offset;
  return grpc::Slice(
      bytes, size, [](void* owner) { delete static_cast<Owner*>(owner); }, new Owner(tensor));
}

}  // namespace

bool TensorChunks::Next(v1::TensorChunk& chunk, grpc::Slice& data) {
  if (tensors_.empty()) return false;
  const auto& [name, tensor] = tensors_.front();
  const size_t size = std::min(kMaxChunkBytes, tensor->data.size() - offset_);
  chunk.set_name(name);
  chunk.set_data_type(ToProto(tensor->dtype));
  for (const int64_t extent : tensor->shape) chunk.add_shape(extent);
  chunk.set_offset(offset_);
  data = SliceOf(tensor, offset_, size);
  offset_ += size;
  if (offset_ == tensor->data.size()) {
    held_bytes_ -= static_cast<int64_t>(tensor->data.size());
    tensors_.pop_front();
    offset_ = 0;
  }
  return true;
}

grpc::ByteBuffer ChunkMessage(int field, const v1::TensorChunk& chunk, const grpc::Slice& data) {
  using google::protobuf::internal::WireFormatLite;
  using google::protobuf::io::CodedOutputStream;
  const auto tag = [](int number) {
    return WireFormatLite::MakeTag(number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  };
  // The last field of a chunk, so that its bytes end the message.
  const uint32_t data_tag = tag(v1::TensorChunk::kDataFieldNumber);
  const size_t data_head = CodedOutputStream::VarintSize32(data_tag) + CodedOutputStream::VarintSize64(data.size());
  std::string head;
  {
    google::protobuf::io::StringOutputStream bytes(&head);
    CodedOutputStream out(&bytes);
    out.WriteTag(tag(field));
    out.WriteVarint64(chunk.ByteSizeLong() + (data.size() > 0 ? data_head + data.size() : 0));
    chunk.SerializeToCodedStream(&out);
    if (data.size() > 0) {
      out.WriteTag(data_tag);
      out.WriteVarint64(data.size());
    }
  }
  const grpc::Slice slices[] = {grpc::Slice(head), data};
  return grpc::ByteBuffer(slices, data.size() > 0 ? 2 : 1);
}

}  // namespace circuitd
