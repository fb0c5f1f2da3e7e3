#include "client/tensor_collector.h"

#include <cstdint>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/client/temp_folder.h"

namespace circuitd::client {
namespace {

v1::TensorChunk Chunk(const std::string& name, const std::vector<int64_t>& shape, uint64_t offset,
                      const std::string& data) {
  v1::TensorChunk chunk;
  chunk.set_name(name);
  chunk.set_data_type(v1::DATA_TYPE_FLOAT16);
  chunk.mutable_shape()->Add(shape.begin(), shape.end());
  chunk.set_offset(offset);
  chunk.set_data(data);
  return chunk;
}

TEST(TensorCollectorTest, PutsChunksTogether) {
  TensorCollector collector;
  ASSERT_TRUE(collector.Add(Chunk("logits/0", {1, 3}, 0, "abc")).ok());
  ASSERT_TRUE(collector.Add(Chunk("logits/0", {1, 3}, 3, "def")).ok());
  ASSERT_TRUE(collector.Add(Chunk("none", {0, 3}, 0, "")).ok());
  ASSERT_TRUE(collector.Add(Chunk("logits/1", {1}, 0, "gh")).ok());
  const auto tensors = collector.Finish();
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  ASSERT_EQ(tensors->size(), 3u);
  EXPECT_EQ((*tensors)[0].data, "abcdef");
  EXPECT_EQ((*tensors)[1].data, "");
  EXPECT_EQ((*tensors)[2].name, "logits/1");
}

TEST(TensorCollectorTest, RejectsChunksOutOfOrder) {
  TensorCollector collector;
  EXPECT_EQ(collector.Add(Chunk("a", {3}, 2, "xx")).code(), absl::StatusCode::kDataLoss);
  ASSERT_TRUE(collector.Add(Chunk("a", {3}, 0, "ab")).ok());
  EXPECT_EQ(collector.Add(Chunk("a", {3}, 4, "ef")).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(collector.Add(Chunk("b", {3}, 2, "cd")).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(collector.Add(Chunk("b", {3}, 0, "cd")).code(), absl::StatusCode::kDataLoss);
}

TEST(TensorCollectorTest, RejectsTooManyAndTooFewBytes) {
  TensorCollector collector;
  EXPECT_EQ(collector.Add(Chunk("a", {1}, 0, "abc")).code(), absl::StatusCode::kDataLoss);
  TensorCollector unfinished;
  ASSERT_TRUE(unfinished.Add(Chunk("a", {2}, 0, "ab")).ok());
  EXPECT_EQ(unfinished.Finish().status().code(), absl::StatusCode::kDataLoss);
}

TEST(TensorCollectorTest, RejectsImpossibleShapesAndTypes) {
  TensorCollector collector;
  EXPECT_EQ(collector.Add(Chunk("a", {-1}, 0, "")).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(collector.Add(Chunk("a", {INT64_MAX, INT64_MAX}, 0, "")).code(), absl::StatusCode::kDataLoss);
  v1::TensorChunk untyped = Chunk("a", {1}, 0, "ab");
  untyped.clear_data_type();
  EXPECT_EQ(collector.Add(untyped).code(), absl::StatusCode::kDataLoss);
}

TEST(TensorCollectorTest, RejectsNamesThatAFileCannotHave) {
  TensorCollector twice;
  ASSERT_TRUE(twice.Add(Chunk("a", {1}, 0, "ab")).ok());
  EXPECT_EQ(twice.Add(Chunk("a", {1}, 0, "ab")).code(), absl::StatusCode::kDataLoss);
  TensorCollector reserved;
  EXPECT_EQ(reserved.Add(Chunk("__metadata__", {1}, 0, "ab")).code(), absl::StatusCode::kDataLoss);
}

TEST(TensorCollectorTest, BoundsWhatNamesAndDimensionsTake) {
  TensorCollector deep;
  EXPECT_EQ(deep.Add(Chunk("a", std::vector<int64_t>(17, 1), 0, "ab")).code(), absl::StatusCode::kDataLoss);
  TensorCollector long_names;
  absl::Status status;
  for (int i = 0; status.ok() && i < 100; ++i) {
    status = long_names.Add(Chunk(std::string(1 << 20, 'x') + std::to_string(i), {0}, 0, ""));
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
}

TEST(WriteSafetensorsTest, WritesTheFormat) {
  const TempFolder folder;
  const absl::Status status = WriteSafetensors(
      *AtomicFile::Create(folder.File("x.safetensors")),
      {{"logits/0", v1::DATA_TYPE_FLOAT32, {1, 1}, "abcd"}, {"logits/1", v1::DATA_TYPE_FLOAT16, {2}, "efgh"}});
  ASSERT_TRUE(status.ok()) << status;
  const std::string bytes = folder.Read("x.safetensors");
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<unsigned char>(bytes.at(static_cast<size_t>(i)));
  EXPECT_EQ(length % 8, 0u);
  const auto header = nlohmann::json::parse(bytes.substr(8, length));
  EXPECT_EQ(header, nlohmann::json::parse(R"({
      "logits/0": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]},
      "logits/1": {"dtype": "F16", "shape": [2], "data_offsets": [4, 8]}})"));
  EXPECT_EQ(bytes.substr(8 + length), "abcdefgh");
  EXPECT_FALSE(folder.Has("x.safetensors.part"));
}

TEST(AtomicFileTest, ReportsAFolderThatIsNotThere) {
  const TempFolder folder;
  EXPECT_EQ(AtomicFile::Create(folder.File("absent/x")).status().code(), absl::StatusCode::kNotFound);
}

TEST(AtomicFileTest, LeavesWhatWasThereUntilItIsCommitted) {
  const TempFolder folder;
  folder.Write("x", "old");
  {
    auto abandoned = AtomicFile::Create(folder.File("x"));
    ASSERT_TRUE(abandoned->Write("new").ok());
  }
  EXPECT_EQ(folder.Read("x"), "old");
  EXPECT_FALSE(folder.Has("x.part"));
  auto file = AtomicFile::Create(folder.File("x"));
  ASSERT_TRUE(file->Write("new").ok());
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(folder.Read("x"), "new");
}

TEST(AtomicFileTest, RefusesToReplaceWhatIsNoFile) {
  const TempFolder folder;
  for (const std::string& path : {folder.path(), std::string("/dev/null")}) {
    EXPECT_EQ(AtomicFile::Create(path).status().code(), absl::StatusCode::kInvalidArgument) << path;
  }
}

}  // namespace
}  // namespace circuitd::client
