#include "server/service/tensor_chunks.h"

#include <gtest/gtest.h>

namespace circuitd {
namespace {

TEST(TensorChunksTest, SplitsTensorsInOrderWithoutGaps) {
  const std::string bytes(2 * TensorChunks::kMaxChunkBytes + 4, 'x');
  TensorChunks chunks;
  chunks.Add("logits/0", {DType::kFloat32, {1, static_cast<int64_t>(bytes.size() / 4)}, bytes});
  chunks.Add("logits/1", {DType::kFloat32, {1, 1}, "abcd"});
  EXPECT_EQ(chunks.held_bytes(), static_cast<int64_t>(bytes.size()) + 4);
  std::string first;
  v1::TensorChunk chunk;
  for (int i = 0; i < 3; ++i) {
    chunk.Clear();
    ASSERT_TRUE(chunks.Next(chunk));
    EXPECT_EQ(chunk.name(), "logits/0");
    EXPECT_EQ(chunk.offset(), first.size());
    EXPECT_LE(chunk.data().size(), TensorChunks::kMaxChunkBytes);
    EXPECT_EQ(chunk.shape_size(), 2);
    first += chunk.data();
  }
  EXPECT_EQ(first, bytes);
  EXPECT_EQ(chunks.held_bytes(), 4);
  chunk.Clear();
  ASSERT_TRUE(chunks.Next(chunk));
  EXPECT_EQ(chunk.name(), "logits/1");
  EXPECT_EQ(chunk.offset(), 0u);
  EXPECT_EQ(chunk.data(), "abcd");
  EXPECT_EQ(chunk.data_type(), v1::DATA_TYPE_FLOAT32);
  EXPECT_EQ(chunks.held_bytes(), 0);
  EXPECT_FALSE(chunks.Next(chunk));
}

TEST(TensorChunksTest, TensorWithoutElementsIsOneChunk) {
  TensorChunks chunks;
  chunks.Add("empty", {DType::kInt64, {0, 3}, ""});
  v1::TensorChunk chunk;
  ASSERT_TRUE(chunks.Next(chunk));
  EXPECT_EQ(chunk.name(), "empty");
  EXPECT_TRUE(chunk.data().empty());
  EXPECT_FALSE(chunks.Next(chunk));
}

}  // namespace
}  // namespace circuitd
