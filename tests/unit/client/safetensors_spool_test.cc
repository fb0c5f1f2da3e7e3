#include "client/safetensors_spool.h"

#include <filesystem>
#include <string>

#include "client/tensor_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/model/safetensors.h"
#include "tests/unit/client/temp_folder.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;

v1::TensorChunk Chunk(const std::string& name, v1::DataType type, const std::vector<int64_t>& shape, uint64_t offset,
                      const std::string& data) {
  v1::TensorChunk chunk;
  chunk.set_name(name);
  chunk.set_data_type(type);
  chunk.mutable_shape()->Add(shape.begin(), shape.end());
  chunk.set_offset(offset);
  chunk.set_data(data);
  return chunk;
}

size_t FilesIn(const TempFolder& folder) {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++count;
  return count;
}

TEST(SafetensorsSpoolTest, WritesWhatAReaderReads) {
  const TempFolder folder;
  const std::string path = folder.File("acts.safetensors");
  auto spool = SafetensorsSpool::Create(path);
  ASSERT_TRUE(spool.ok()) << spool.status();
  const std::string half(1 << 20, 'a');
  const std::vector<int64_t> shape = {2, 1 << 18};
  ASSERT_TRUE(spool->Add(Chunk("blocks.0.attn.hook_z/3", v1::DATA_TYPE_FLOAT32, shape, 0, half)).ok());
  ASSERT_TRUE(
      spool->Add(Chunk("blocks.0.attn.hook_z/3", v1::DATA_TYPE_FLOAT32, shape, half.size(), std::string(1 << 20, 'b')))
          .ok());
  ASSERT_TRUE(spool->Add(Chunk("none", v1::DATA_TYPE_BFLOAT16, {0, 4}, 0, "")).ok());
  ASSERT_TRUE(spool->Add(Chunk("odd\"\n", v1::DATA_TYPE_FLOAT16, {1}, 0, "hh")).ok());
  ASSERT_TRUE(spool->Add(Chunk("ids", v1::DATA_TYPE_INT64, {}, 0, "12345678")).ok());
  EXPECT_FALSE(folder.Has("acts.safetensors"));
  ASSERT_TRUE(spool->Finish().ok());
  EXPECT_EQ(FilesIn(folder), 1u);

  const auto file = SafetensorsFile::Open(path, path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->tensors().size(), 4u);
  EXPECT_EQ(file->tensors().at("none").dtype, "BF16");
  const auto tensor = ReadTensor(path, "blocks.0.attn.hook_z/3");
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_THAT(tensor->shape(), ElementsAre(2, 1 << 18));
  EXPECT_TRUE(tensor->data() == half + std::string(1 << 20, 'b'));
  EXPECT_EQ(ReadTensor(path, "odd\"\n")->data(), "hh");
  EXPECT_EQ(ReadTensor(path, "ids")->data(), "12345678");
}

TEST(SafetensorsSpoolTest, LeavesNothingBehindWhenItIsAbandoned) {
  const TempFolder folder;
  folder.Write("acts.safetensors", "old");
  {
    auto spool = SafetensorsSpool::Create(folder.File("acts.safetensors"));
    ASSERT_TRUE(spool->Add(Chunk("a", v1::DATA_TYPE_FLOAT16, {2}, 0, "ab")).ok());
    EXPECT_EQ(spool->Finish().code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(folder.Read("acts.safetensors"), "old");
  EXPECT_EQ(FilesIn(folder), 1u);
}

TEST(SafetensorsSpoolTest, RejectsChunksThatDoNotFit) {
  const TempFolder folder;
  auto spool = SafetensorsSpool::Create(folder.File("x"));
  EXPECT_EQ(spool->Add(Chunk("a", v1::DATA_TYPE_FLOAT16, {1}, 0, "abc")).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(SafetensorsSpool::Create(folder.File("absent/x")).status().code(), absl::StatusCode::kNotFound);
}

TEST(SafetensorsSpoolTest, WritesAFileWithoutTensors) {
  const TempFolder folder;
  auto spool = SafetensorsSpool::Create(folder.File("x"));
  ASSERT_TRUE(spool->Finish().ok());
  EXPECT_TRUE(SafetensorsFile::Open(folder.File("x"), "x").ok());
}

}  // namespace
}  // namespace circuitd::client
