#include "server/service/tensor_chunks.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "circuitd/v1/inference.pb.h"

namespace circuitd {
namespace {

std::string BytesOf(const grpc::Slice& slice) { return {reinterpret_cast<const char*>(slice.begin()), slice.size()}; }

TEST(TensorChunksTest, SplitsTensorsInOrderWithoutGaps) {
  const std::string bytes(2 * TensorChunks::kMaxChunkBytes + 4, 'x');
  TensorChunks chunks;
  chunks.Add("logits/0", {DType::kFloat32, {1, static_cast<int64_t>(bytes.size() / 4)}, bytes});
  chunks.Add("logits/1", {DType::kFloat32, {1, 1}, "abcd"});
  EXPECT_EQ(chunks.held_bytes(), static_cast<int64_t>(bytes.size()) + 4);
  std::string first;
  v1::TensorChunk chunk;
  grpc::Slice data;
  for (int i = 0; i < 3; ++i) {
    chunk.Clear();
    ASSERT_TRUE(chunks.Next(chunk, data));
    EXPECT_EQ(chunk.name(), "logits/0");
    EXPECT_EQ(chunk.offset(), first.size());
    EXPECT_TRUE(chunk.data().empty());
    EXPECT_LE(data.size(), TensorChunks::kMaxChunkBytes);
    EXPECT_EQ(chunk.shape_size(), 2);
    first += BytesOf(data);
  }
  EXPECT_EQ(first, bytes);
  EXPECT_EQ(chunks.held_bytes(), 4);
  chunk.Clear();
  ASSERT_TRUE(chunks.Next(chunk, data));
  EXPECT_EQ(chunk.name(), "logits/1");
  EXPECT_EQ(chunk.offset(), 0u);
  EXPECT_EQ(BytesOf(data), "abcd");
  EXPECT_EQ(chunk.data_type(), v1::DATA_TYPE_FLOAT32);
  EXPECT_EQ(chunks.held_bytes(), 0);
  EXPECT_FALSE(chunks.Next(chunk, data));
}

TEST(TensorChunksTest, TensorWithoutElementsIsOneChunk) {
  TensorChunks chunks;
  chunks.Add("empty", {DType::kInt64, {0, 3}, ""});
  v1::TensorChunk chunk;
  grpc::Slice data;
  ASSERT_TRUE(chunks.Next(chunk, data));
  EXPECT_EQ(chunk.name(), "empty");
  EXPECT_EQ(data.size(), 0u);
  EXPECT_FALSE(chunks.Next(chunk, data));
}

TEST(TensorChunksTest, DataIsTheTensorsOwnAndOutlivesTheChunks) {
  HostTensor tensor{DType::kFloat32, {1000}, std::string(4000, 'x')};
  const void* const memory = tensor.data.data();
  v1::TensorChunk chunk;
  grpc::Slice data;
  {
    TensorChunks chunks;
    chunks.Add("t", std::move(tensor));
    ASSERT_TRUE(chunks.Next(chunk, data));
  }
  EXPECT_EQ(data.begin(), memory);
  EXPECT_EQ(BytesOf(data), std::string(4000, 'x'));
}

TEST(ChunkMessageTest, IsWhatProtobufWrites) {
  for (const size_t size : {0, 1, 127, 128, 1 << 20}) {
    v1::ForwardResponse expected;
    v1::TensorChunk& chunk = *expected.mutable_chunk();
    chunk.set_name("blocks.0.attn.hook_z/3");
    chunk.set_data_type(v1::DATA_TYPE_BFLOAT16);
    chunk.add_shape(7);
    chunk.add_shape(static_cast<int64_t>(size));
    chunk.set_offset(1 << 21);
    const grpc::ByteBuffer message =
        ChunkMessage(v1::ForwardResponse::kChunkFieldNumber, chunk, grpc::Slice(std::string(size, 'x')));
    chunk.set_data(std::string(size, 'x'));
    grpc::Slice bytes;
    ASSERT_TRUE(message.DumpToSingleSlice(&bytes).ok());
    EXPECT_EQ(BytesOf(bytes), expected.SerializeAsString()) << size;
  }
}

}  // namespace
}  // namespace circuitd
