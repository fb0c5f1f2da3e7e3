// The reader of safetensors files against the writer and against hostile files.
#include "server/model/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "server/model/safetensors_writer.h"
#include "tests/unit/model/temp_folder.h"
#include "tests/unit/model/tiny_model_files.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string EncodeLength(uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(length >> (8 * i) & 0xFF));
  return bytes;
}

std::string FileOf(const std::string& header, size_t data_bytes) {
  return EncodeLength(header.size()) + header + std::string(data_bytes, '\0');
}

// Expects that these bytes are refused with `message`, and that it begins with the file's label.
void ExpectBytesRefused(const std::string& bytes, const std::string& message) {
  const TempFolder folder;
  folder.Write("weights.safetensors", bytes);
  const auto file = SafetensorsFile::Open(folder / "weights.safetensors", "weights.safetensors");
  ASSERT_FALSE(file.ok()) << message;
  EXPECT_EQ(file.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(file.status().message()), StartsWith("weights.safetensors: "));
  EXPECT_THAT(std::string(file.status().message()), HasSubstr(message));
}

void ExpectHeaderRefused(const std::string& header, const std::string& message, size_t data_bytes = 8) {
  ExpectBytesRefused(FileOf(header, data_bytes), message);
}

// A header of one tensor "a".
std::string Entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"a": {"dtype": ")" + dtype + R"(", "shape": )" + shape + R"(, "data_offsets": )" + offsets + "}}";
}

// A header of the tensors "a" and "b", bytes as U8.
std::string TwoEntries(int a_begin, int a_end, int b_begin, int b_end) {
  return absl::StrCat(R"({"a": {"dtype": "U8", "shape": [)", a_end - a_begin, R"(], "data_offsets": [)", a_begin, ", ",
                      a_end, R"(]}, "b": {"dtype": "U8", "shape": [)", b_end - b_begin, R"(], "data_offsets": [)",
                      b_begin, ", ", b_end, "]}}");
}

TEST(SafetensorsTest, ReadsWhatTheWriterWrites) {
  const TempFolder folder;
  Tensors tensors = {{"floats", FloatTensor({2, 3}, 1)},
                     {"halves", {.dtype = DType::kFloat16, .shape = {3}, .data = "abcdef"}},
                     {"brains", {.dtype = DType::kBFloat16, .shape = {1, 1}, .data = "gh"}},
                     {"ids", {.dtype = DType::kInt64, .shape = {1}, .data = "01234567"}},
                     {"scalar", {.dtype = DType::kFloat32, .shape = {}, .data = "wxyz"}},
                     {"empty", {.dtype = DType::kFloat32, .shape = {0, 4}, .data = ""}},
                     {"naïve \"name\"\n", FloatTensor({1}, 7)}};
  ASSERT_TRUE(WriteSafetensors(folder / "file", tensors, {{"format", "pt"}, {"by", "test"}}).ok());
  const auto file = SafetensorsFile::Open(folder / "file", "file");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->metadata(), (std::map<std::string, std::string>{{"format", "pt"}, {"by", "test"}}));
  EXPECT_EQ(file->tensors().size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    const auto read = file->Read(name);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->dtype, tensor.dtype) << name;
    EXPECT_EQ(read->shape, tensor.shape) << name;
    EXPECT_EQ(read->data, tensor.data) << name;
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    EXPECT_EQ(entry.path().filename(), "file") << "a temporary file was left";
  }
}

TEST(SafetensorsTest, AlignsTensorsToTheirElements) {
  const TempFolder folder;
  ASSERT_TRUE(WriteSafetensors(folder / "file",
                               {{"a", {.dtype = DType::kFloat16, .shape = {1}, .data = "ab"}},
                                {"b", FloatTensor({1}, 0)},
                                {"c", {.dtype = DType::kInt64, .shape = {1}, .data = "01234567"}}},
                               {})
                  .ok());
  const auto file = SafetensorsFile::Open(folder / "file", "file");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->tensors().at("c").offset, 0);
  EXPECT_EQ(file->tensors().at("b").offset, 8);
  EXPECT_EQ(file->tensors().at("a").offset, 12);
  EXPECT_EQ((std::filesystem::file_size(folder / "file") - 14) % 8, 0u);
}

TEST(SafetensorsTest, ReadsPartsOfATensor) {
  const TempFolder folder;
  ASSERT_TRUE(
      WriteSafetensors(folder / "file", {{"a", {.dtype = DType::kInt64, .shape = {1}, .data = "01234567"}}}, {}).ok());
  const auto file = SafetensorsFile::Open(folder / "file", "file");
  ASSERT_TRUE(file.ok());
  char part[3];
  ASSERT_TRUE(file->ReadBytes(file->tensors().at("a"), 2, 3, part).ok());
  EXPECT_THAT(part, ElementsAre('2', '3', '4'));
}

TEST(SafetensorsTest, ReadsSharedModel) {
  const std::string path = CIRCUITD_SOURCE_DIR "/../shared/models/nano-sort/model.safetensors";
  ASSERT_TRUE(std::filesystem::exists(path)) << "the shared material's models/nano-sort is needed and not there";
  const auto file = SafetensorsFile::Open(path, "model.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->tensors().size(), 41u);
  EXPECT_THAT(file->tensors().at("lm_head.weight").shape, ElementsAre(3, 48));
}

TEST(SafetensorsTest, AcceptsPaddingAndForeignDTypes) {
  const TempFolder folder;
  folder.Write("file", FileOf(Entry("BOOL", "[2, 4]", "[0, 8]") + "   ", 8));
  const auto file = SafetensorsFile::Open(folder / "file", "file");
  ASSERT_TRUE(file.ok()) << file.status();
  const auto read = file->Read("a");
  EXPECT_EQ(read.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(read.status().message(), R"(file: tensor "a": dtype BOOL, must be F32, F16, BF16 or I64)");
  EXPECT_EQ(file->Read("b").status().code(), absl::StatusCode::kNotFound);
}

TEST(SafetensorsTest, RefusesWhatIsNoRegularFile) {
  const TempFolder folder;
  std::filesystem::create_directory(folder / "directory");
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink("nowhere", folder / "dangling");
  const auto message = [&](const std::string& name) {
    const auto file = SafetensorsFile::Open(folder / name, name);
    EXPECT_EQ(file.status().code(), absl::StatusCode::kFailedPrecondition);
    return std::string(file.status().message());
  };
  EXPECT_EQ(message("directory"), "directory: is a directory, not a file");
  EXPECT_EQ(message("fifo"), "fifo: is not a regular file");
  EXPECT_EQ(message("dangling"), "dangling: there is no such file");
  EXPECT_EQ(message("absent"), "absent: there is no such file");
}

TEST(SafetensorsTest, RefusesLengthsThatTheFileDoesNotHave) {
  ExpectBytesRefused("", "has 0 bytes, a safetensors file has at least 8 (truncated?)");
  ExpectBytesRefused("1234567", "has 7 bytes");
  ExpectBytesRefused(EncodeLength(uint64_t{1} << 60) + "{}",
                     "the header's length is 1152921504606846976, at most 100000000 is allowed");
  ExpectBytesRefused(EncodeLength(~uint64_t{0}) + "{}", "the header's length is 18446744073709551615, at most");
  ExpectBytesRefused(EncodeLength(100'000'001) + "{}", "the header's length is 100000001, at most 100000000");
  ExpectBytesRefused(EncodeLength(100'000'000) + "{}",
                     "the header's length is 100000000, but the file has only 2 bytes after it (truncated?)");
  ExpectBytesRefused(EncodeLength(0), "the header does not begin with '{'");
}

TEST(SafetensorsTest, RefusesEveryTruncation) {
  const TempFolder folder;
  Tensors tensors = {{"a", FloatTensor({3}, 0)}, {"b", {.dtype = DType::kFloat16, .shape = {1}, .data = "xy"}}};
  ASSERT_TRUE(WriteSafetensors(folder / "file", tensors, {{"k", "v"}}).ok());
  const auto size = std::filesystem::file_size(folder / "file");
  for (uintmax_t shorter = size; shorter-- > 0;) {
    std::filesystem::resize_file(folder / "file", shorter);
    EXPECT_EQ(SafetensorsFile::Open(folder / "file", "file").status().code(), absl::StatusCode::kFailedPrecondition)
        << shorter;
  }
}

TEST(SafetensorsTest, ReportsAFileThatShrinksAfterItWasOpened) {
  const TempFolder folder;
  ASSERT_TRUE(WriteSafetensors(folder / "file", {{"a", FloatTensor({1000}, 0)}}, {}).ok());
  const auto file = SafetensorsFile::Open(folder / "file", "file");
  ASSERT_TRUE(file.ok());
  std::filesystem::resize_file(folder / "file", 2000);
  const auto read = file->Read("a");
  EXPECT_EQ(read.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(read.status().message(), "file: ended at byte 2000 while it was read");
}

TEST(SafetensorsTest, RefusesHeadersThatAreNotTheFormatsJson) {
  ExpectHeaderRefused(" {}", "the header does not begin with '{'", 0);
  ExpectHeaderRefused("[]", "the header does not begin with '{'", 0);
  ExpectHeaderRefused("{", "is not JSON (at byte 2)");
  ExpectHeaderRefused("{} {}", "is not JSON");
  ExpectHeaderRefused(std::string("{}\0", 3), "is not JSON", 0);
  ExpectHeaderRefused("{\"\xff\": 1}", "is not JSON");
  ExpectHeaderRefused(R"({"a": 1})", R"(tensor "a" is a number, must be an object)");
  ExpectHeaderRefused(R"({"a": null})", R"(tensor "a" is null, must be an object)");
  ExpectHeaderRefused(R"({"a": {}})", R"(tensor "a" lacks dtype, shape or data_offsets)");
  ExpectHeaderRefused(R"({"a": {"dtype": "F32", "shape": [2]}})", "lacks dtype, shape or data_offsets");
  ExpectHeaderRefused(R"({"a": {"dtype": 7}})", "has a number as dtype, must be a string");
  ExpectHeaderRefused(R"({"a": {"shape": 7}})", "has a number in shape");
  ExpectHeaderRefused(R"({"a": {"shape": {}}})", "has an object in shape");
  ExpectHeaderRefused(R"({"a": {"other": 1}})", R"(has the key "other", unknown or there twice)");
  ExpectHeaderRefused(R"({"__metadata__": {"k": 1}})", "has a number in __metadata__, must be an object of strings");
  ExpectHeaderRefused(R"({"__metadata__": {"k": {}}})", "has an object in __metadata__");
  ExpectHeaderRefused(R"({"__metadata__": []})", "has an array in __metadata__");
}

TEST(SafetensorsTest, RefusesDuplicates) {
  const std::string entry = R"({"dtype": "F32", "shape": [2], "data_offsets": [0, 8]})";
  ExpectHeaderRefused(R"({"a": )" + entry + R"(, "a": )" + entry + "}", R"(has the tensor "a" twice)");
  ExpectHeaderRefused(R"({"__metadata__": {}, "__metadata__": {}})", R"(has the key "__metadata__" twice)");
  ExpectHeaderRefused(R"({"__metadata__": {"k": "1", "k": "2"}})", R"(has the metadata key "k" twice)");
  for (const std::string again : {R"("dtype": "F32")", R"("shape": [2])", R"("data_offsets": [0, 8])"}) {
    ExpectHeaderRefused(R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], )" + again + "}}",
                        "unknown or there twice");
  }
}

TEST(SafetensorsTest, RefusesDeepNesting) {
  ExpectHeaderRefused("{\"a\": " + std::string(10'000'000, '['), R"(tensor "a" is an array, must be an object)");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\": ";
  ExpectHeaderRefused(objects, R"(tensor "a" has the key "a")");
}

TEST(SafetensorsTest, RefusesOffsets) {
  ExpectHeaderRefused(Entry("F32", "[2]", "[0, 8]"),
                      R"(tensor "a": data_offsets [0, 8] reach beyond the file's 4 bytes)", 4);
  ExpectHeaderRefused(Entry("F32", "[2]", "[4, 12]"), "reach beyond the file's 8 bytes of data");
  ExpectHeaderRefused(Entry("F32", "[2]", "[9223372036854775800, 9223372036854775807]"), "reach beyond");
  ExpectHeaderRefused(Entry("F32", "[2]", "[8, 0]"), "data_offsets [8, 0], which run backwards");
  ExpectHeaderRefused(Entry("F32", "[2]", "[-8, 0]"), "has -8 in data_offsets");
  ExpectHeaderRefused(Entry("F32", "[2]", "[0, 18446744073709551615]"), "has 18446744073709551615 in data_offsets");
  ExpectHeaderRefused(Entry("F32", "[2]", "[0, 8.0]"), "in data_offsets");
  ExpectHeaderRefused(Entry("F32", "[2]", "[0]"), "data_offsets that are not two numbers");
  ExpectHeaderRefused(Entry("F32", "[2]", "[]"), "data_offsets that are not two numbers");
  ExpectHeaderRefused(Entry("F32", "[2]", "[0, 8, 8]"), "has a number in data_offsets");
  ExpectHeaderRefused(Entry("F32", "[2]", "\"0\""), "has a string in data_offsets");
}

TEST(SafetensorsTest, RefusesHolesAndOverlaps) {
  ExpectHeaderRefused(TwoEntries(0, 4, 4, 8), "bytes 8 to 9 of the data belong to no tensor", 9);
  ExpectHeaderRefused(TwoEntries(0, 4, 5, 8), R"(bytes 4 to 5 before tensor "b" belong to no tensor)");
  ExpectHeaderRefused(TwoEntries(1, 4, 4, 8), R"(bytes 0 to 1 before tensor "a" belong to no tensor)");
  ExpectHeaderRefused(TwoEntries(0, 5, 4, 8), R"(tensor "b": begins at byte 4, inside tensor "a", which ends at 5)");
  ExpectHeaderRefused(TwoEntries(0, 8, 0, 8), R"(tensor "b": begins at byte 0, inside tensor "a")");
  ExpectHeaderRefused("{}", "bytes 0 to 8 of the data belong to no tensor");
}

TEST(SafetensorsTest, RefusesShapesAndDTypesThatTheBytesDoNotHave) {
  ExpectHeaderRefused(Entry("F32", "[3]", "[0, 8]"),
                      R"(tensor "a": F32 of shape [3] has 12 bytes, but data_offsets [0, 8] have 8)");
  ExpectHeaderRefused(Entry("F64", "[2]", "[0, 8]"), "F64 of shape [2] has 16 bytes");
  ExpectHeaderRefused(Entry("F4", "[16]", "[0, 8]"), R"(unknown dtype "F4")");
  ExpectHeaderRefused(Entry("f32", "[2]", "[0, 8]"), R"(unknown dtype "f32")");
  ExpectHeaderRefused(Entry("F32", "[-2]", "[0, 8]"), "has -2 in shape");
  ExpectHeaderRefused(Entry("F32", "[2.0]", "[0, 8]"), "in shape");
  ExpectHeaderRefused(Entry("F32", "[[2]]", "[0, 8]"), "has an array in shape");
  ExpectHeaderRefused(Entry("F32", "[18446744073709551616]", "[0, 8]"),
                      "has a number that is no 64-bit integer in shape");
  ExpectHeaderRefused(Entry("F32", "[4294967296, 4294967296]", "[0, 8]"),
                      "shape [4294967296, 4294967296] has 2^63 bytes or more");
  // 2^62 elements of 4 bytes are 2^64, which is 0 in 64 bits.
  ExpectHeaderRefused(Entry("F32", "[2147483648, 2147483648]", "[0, 0]"), "has 2^63 bytes or more");
  ExpectHeaderRefused(Entry("F32", "[9223372036854775807, 0, 9223372036854775807]", "[0, 8]"), "has 0 bytes");
  ExpectHeaderRefused(Entry("F32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2]", "[0, 8]"), "has more than 16 dimensions");
}

TEST(SafetensorsTest, RefusesMoreTensorsThanItsBound) {
  std::string header = "{";
  for (int i = 0; i <= kMaxSafetensorsTensors; ++i) {
    absl::StrAppend(&header, i ? "," : "", "\"", i, R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})");
  }
  ExpectHeaderRefused(header + "}", "has more than 65536 tensors", 0);
}

TEST(SafetensorsTest, KeepsMessagesShortAndUtf8) {
  const TempFolder folder;
  folder.Write("file", FileOf("{\"\\u0007" + std::string(1'000'000, 'x') + "é\": 1}", 0));
  const auto file = SafetensorsFile::Open(folder / "file", "file");
  EXPECT_THAT(std::string(file.status().message()), StartsWith(R"(file: the header tensor "\x07xxx)"));
  EXPECT_LT(file.status().message().size(), 300u);
}

TEST(SafetensorsWriterTest, RefusesTensorsThatContradictThemselves) {
  const TempFolder folder;
  const auto write = [&](const std::string& name, HostTensor tensor) {
    return std::string(WriteSafetensors(folder / "file", {{name, std::move(tensor)}}, {}).message());
  };
  EXPECT_THAT(write("a", {.dtype = DType::kFloat32, .shape = {2}, .data = "1234"}),
              HasSubstr(R"(tensor "a": float32 of shape [2] has 8 bytes, but its data 4)"));
  EXPECT_THAT(write("a", {.dtype = DType::kFloat32, .shape = {-1}, .data = ""}), HasSubstr("is negative or too large"));
  EXPECT_THAT(write("a", {.dtype = DType::kInt64, .shape = {int64_t{1} << 62}, .data = ""}),
              HasSubstr("is negative or too large"));
  EXPECT_THAT(write("\xff", {}), HasSubstr("its name is not UTF-8"));
  EXPECT_THAT(write("__metadata__", {}), HasSubstr("its name is reserved"));
  EXPECT_EQ(WriteSafetensors(folder / "file", {}, {{"k", "\xff"}}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsWriterTest, ReportsFoldersItCantWriteTo) {
  const TempFolder folder;
  EXPECT_EQ(WriteSafetensors(folder / "absent/file", {}, {}).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(SafetensorsWriterTest, ReplacesTheOldFileOnlyByAWholeNewOne) {
  const TempFolder folder;
  ASSERT_TRUE(WriteSafetensors(folder / "file", {{"a", FloatTensor({1}, 1)}}, {}).ok());
  const auto old_file = SafetensorsFile::Open(folder / "file", "file");
  ASSERT_TRUE(old_file.ok());
  ASSERT_TRUE(WriteSafetensors(folder / "file", {{"b", FloatTensor({1}, 2)}}, {}).ok());
  EXPECT_EQ(old_file->Read("a")->data, FloatTensor({1}, 1).data);  // who had it open still has it
  EXPECT_TRUE(SafetensorsFile::Open(folder / "file", "file")->tensors().contains("b"));
}

}  // namespace
}  // namespace circuitd
