#include "server/service/dataset_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace circuitd {
namespace {

using testing::HasSubstr;

const std::string kPairs = R"({"clean": "a", "corrupted": "b", "correct": " 5", "incorrect": " 4"})"
                           "\n";
const std::string kPublished = R"({"text": "a", "corr": " 5", "incorr": " 4"})"
                               "\n";

absl::StatusOr<std::shared_ptr<const StoredDataset>> Store(DatasetStore& store, const std::string& bytes,
                                                           FileFormat format = FileFormat::kPairs,
                                                           const std::string& sha256 = "") {
  const auto upload = store.BeginUpload(format);
  RETURN_IF_ERROR(upload->Append(bytes));
  return upload->Finish(sha256);
}

TEST(DatasetStoreTest, KeepsUploadsBySha256) {
  DatasetStore store(1000, 1000);
  const auto dataset = Store(store, kPairs + kPairs);
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ((*dataset)->prompt_count, 2);
  EXPECT_EQ((*dataset)->sha256, Sha256Hex(kPairs + kPairs));
  EXPECT_EQ(*store.Get((*dataset)->sha256), *dataset);
  EXPECT_EQ(store.List().size(), 1u);
}

TEST(DatasetStoreTest, SameBytesAreStoredOnce) {
  DatasetStore store(1000, 1000);
  EXPECT_EQ(*Store(store, kPairs), *Store(store, kPairs));
  EXPECT_EQ(store.List().size(), 1u);
}

TEST(DatasetStoreTest, SameBytesWithAnotherFormatAreRefused) {
  const std::string both = R"({"clean": "a", "corrupted": "b", "correct": " 5", "incorrect": " 4", )"
                           R"("text": "a", "corr": " 5", "incorr": " 4"})";
  DatasetStore store(1000, 1000);
  ASSERT_TRUE(Store(store, both).ok());
  EXPECT_EQ(Store(store, both, FileFormat::kPublished).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST(DatasetStoreTest, NothingIsKeptOfAFailedUpload) {
  DatasetStore store(1000, static_cast<int64_t>(kPairs.size()));
  const std::string bad(kPairs.size(), '{');
  EXPECT_EQ(Store(store, bad).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(store.List().empty());
  EXPECT_EQ(FieldOf(Store(store, kPairs, FileFormat::kPairs, std::string(64, '0')).status()), "header.sha256");
  EXPECT_TRUE(store.List().empty());
  // Their bytes were given back.
  EXPECT_TRUE(Store(store, kPairs).ok());
}

TEST(DatasetStoreTest, AbandonedUploadGivesItsBytesBack) {
  DatasetStore store(1000, static_cast<int64_t>(kPairs.size()));
  {
    const auto upload = store.BeginUpload(FileFormat::kPairs);
    ASSERT_TRUE(upload->Append(kPairs).ok());
    EXPECT_EQ(Store(store, kPublished, FileFormat::kPublished).status().code(), absl::StatusCode::kResourceExhausted);
  }
  EXPECT_TRUE(Store(store, kPublished, FileFormat::kPublished).ok());
}

TEST(DatasetStoreTest, LimitsAreNamed) {
  DatasetStore store(50, 60);
  EXPECT_THAT(std::string(Store(store, kPairs).status().message()), HasSubstr("max_dataset_bytes, 50"));
  ASSERT_TRUE(Store(store, kPublished, FileFormat::kPublished).ok());
  EXPECT_THAT(std::string(Store(store, kPublished + "\n", FileFormat::kPublished).status().message()),
              HasSubstr("max_stored_dataset_bytes, 60"));
}

TEST(DatasetStoreTest, UsersKeepDeletedDatasets) {
  DatasetStore store(1000, static_cast<int64_t>(kPairs.size()));
  const auto dataset = *Store(store, kPairs);
  ASSERT_TRUE(store.Delete(dataset->sha256).ok());
  EXPECT_EQ(store.Delete(dataset->sha256).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(store.Get(dataset->sha256).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(dataset->bytes, kPairs);
  EXPECT_TRUE(Store(store, kPairs).ok());
}

TEST(DatasetStoreTest, CircuitsAreKeptWithoutPrompts) {
  DatasetStore store(1 << 20, 1 << 20);
  const auto stored = Store(store, R"({"heads": [[0, 1]], "mlps": [2]})", FileFormat::kCircuit);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ((*stored)->format, FileFormat::kCircuit);
  EXPECT_EQ((*stored)->prompt_count, 0);
  EXPECT_EQ(Store(store, kPairs, FileFormat::kCircuit).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace circuitd
