// Artifacts' way into their folder and out of it.
#include "server/jobs/store/artifact_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <limits>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "tests/unit/jobs/store/file_size_limit.h"
#include "tests/unit/jobs/store/store_test_util.h"

namespace circuitd {
namespace {
using testing::ElementsAre;
using testing::IsEmpty;

constexpr size_t kAll = std::numeric_limits<size_t>::max();

class ArtifactFolderTest : public testing::Test {
 protected:
  ArtifactFolderTest() { Open(); }

  void Open() {
    auto artifacts = ArtifactFolder::Open(path_);
    ASSERT_TRUE(artifacts.ok()) << artifacts.status();
    artifacts_ = *std::move(artifacts);
  }

  StagedArtifact Stage(const std::string& bytes) {
    auto staged = artifacts_->Stage({.name = "a.json", .media_type = "application/json", .bytes = bytes});
    EXPECT_TRUE(staged.ok()) << staged.status();
    return *std::move(staged);
  }

  ArtifactInfo Publish(const std::string& bytes) {
    StagedArtifact staged = Stage(bytes);
    const absl::Status status = artifacts_->Publish(staged);
    EXPECT_TRUE(status.ok()) << status;
    return staged.info();
  }

  size_t FileCount() const {
    return std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator());
  }

  const TempFolder folder_;
  const std::string path_ = folder_ / "data/artifacts";
  std::unique_ptr<ArtifactFolder> artifacts_;
};

TEST_F(ArtifactFolderTest, ReadsWhatWasPublished) {
  std::string bytes(kOddBytes);
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>(i);
  const ArtifactInfo info = Publish(bytes);
  EXPECT_EQ(info.name, "a.json");
  EXPECT_EQ(info.media_type, "application/json");
  EXPECT_EQ(info.sha256, Sha256Hex(bytes));
  EXPECT_EQ(info.size_bytes, bytes.size());

  Open();
  const auto reader = artifacts_->Open(info);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->size(), bytes.size());
  EXPECT_TRUE(*(*reader)->Read(0, kAll) == bytes);
  EXPECT_EQ(*(*reader)->Read(3, 10), bytes.substr(3, 10));
  EXPECT_EQ(*(*reader)->Read(bytes.size() - 4, 10), bytes.substr(bytes.size() - 4));
  EXPECT_EQ(*(*reader)->Read(bytes.size(), 10), "");
  EXPECT_TRUE(absl::IsOutOfRange((*reader)->Read(bytes.size() + 1, 1).status()));
  EXPECT_TRUE(absl::IsOutOfRange((*reader)->Read(-1, 1).status()));
  struct stat file;
  ASSERT_EQ(::stat((path_ + "/" + info.sha256).c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600);
}

TEST_F(ArtifactFolderTest, PublishesNoBytesToo) {
  const auto reader = artifacts_->Open(Publish(""));
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(*(*reader)->Read(0, kAll), "");
}

TEST_F(ArtifactFolderTest, KeepsNothingThatWasNotPublished) {
  {
    StagedArtifact staged = Stage("bytes");
    EXPECT_EQ(FileCount(), 1);
    EXPECT_THAT(*artifacts_->List(), IsEmpty());
    EXPECT_TRUE(absl::IsNotFound(artifacts_->Open(staged.info()).status()));
    const StagedArtifact moved = std::move(staged);
    EXPECT_EQ(FileCount(), 1);
  }
  EXPECT_EQ(FileCount(), 0);
}

TEST_F(ArtifactFolderTest, RemovesWhatAnEarlierProcessHasLeftHalfWritten) {
  const ArtifactInfo info = Publish("bytes");
  WriteBytes(path_ + "/staged-AbCdEf", "half");
  WriteBytes(path_ + "/notes.txt", "somebody's");
  Open();
  EXPECT_EQ(FileCount(), 2);
  EXPECT_EQ(ReadBytes(path_ + "/notes.txt"), "somebody's");
  EXPECT_TRUE(artifacts_->Open(info).ok());
}

TEST_F(ArtifactFolderTest, PublishesTheSameBytesTwiceAndAgain) {
  const ArtifactInfo info = Publish("bytes");
  StagedArtifact again = Stage("bytes");
  EXPECT_TRUE(artifacts_->Publish(again).ok());
  EXPECT_TRUE(artifacts_->Publish(again).ok());
  EXPECT_THAT(*artifacts_->List(), ElementsAre(info.sha256));
  EXPECT_EQ(FileCount(), 1);
}

TEST_F(ArtifactFolderTest, ReadsOnWhenAnArtifactIsRemoved) {
  const ArtifactInfo info = Publish("bytes");
  const auto reader = *artifacts_->Open(info);
  EXPECT_TRUE(artifacts_->Remove(info.sha256).ok());
  EXPECT_EQ(*reader->Read(1, 3), "yte");
  EXPECT_TRUE(absl::IsNotFound(artifacts_->Open(info).status()));
  EXPECT_TRUE(artifacts_->Remove(info.sha256).ok());
  EXPECT_THAT(*artifacts_->List(), IsEmpty());
}

TEST_F(ArtifactFolderTest, TouchesNoFileWithAnotherName) {
  WriteBytes(folder_ / "data/outside", "bytes");
  WriteBytes(path_ + "/inside", "bytes");
  const std::string upper(64, 'A');
  WriteBytes(absl::StrCat(path_, "/", upper), "bytes");
  for (const std::string& name : {std::string("../outside"), std::string("inside"), upper, std::string()}) {
    ArtifactInfo info = Artifact("a.json", "bytes");
    info.sha256 = name;
    EXPECT_TRUE(absl::IsNotFound(artifacts_->Open(info).status())) << name;
    EXPECT_TRUE(artifacts_->Remove(name).ok());
  }
  std::filesystem::create_directory(absl::StrCat(path_, "/", std::string(64, 'a')));
  EXPECT_THAT(*artifacts_->List(), IsEmpty());
  EXPECT_EQ(FileCount(), 3);
  EXPECT_EQ(ReadBytes(folder_ / "data/outside"), "bytes");
}

TEST_F(ArtifactFolderTest, NoticesAFileOfAnotherSize) {
  const ArtifactInfo info = Publish("bytes");
  const std::string file = absl::StrCat(path_, "/", info.sha256);
  const auto reader = *artifacts_->Open(info);
  std::filesystem::resize_file(file, 3);
  EXPECT_TRUE(absl::IsDataLoss(reader->Read(0, 5).status()));
  EXPECT_EQ(*reader->Read(0, 3), "byt");
  EXPECT_TRUE(absl::IsDataLoss(artifacts_->Open(info).status()));
  Publish("bytes");  // heals it
  EXPECT_EQ(*(*artifacts_->Open(info))->Read(0, kAll), "bytes");
}

TEST_F(ArtifactFolderTest, LeavesNothingOnAFullDisk) {
  const FileSizeLimit full(100'000);
  const auto refused = artifacts_->Stage({.name = "", .media_type = "", .bytes = std::string(100'001, 'x')});
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status())) << refused.status();
  EXPECT_THAT(std::string(refused.status().message()), testing::HasSubstr("disk is full"));
  EXPECT_EQ(FileCount(), 0);
  EXPECT_EQ(Publish(std::string(100'000, 'x')).size_bytes, 100'000);
}

TEST_F(ArtifactFolderTest, SaysWhatKeepsItFromBeingOpened) {
  WriteBytes(folder_ / "file", "");
  const auto refused = ArtifactFolder::Open(folder_ / "file");
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status())) << refused.status();
  EXPECT_THAT(std::string(refused.status().message()), testing::HasSubstr(folder_ / "file"));
  EXPECT_TRUE(absl::IsPermissionDenied(ArtifactFolder::Open("/sys/circuitd").status()));
}

TEST_F(ArtifactFolderTest, IsUsedByManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 10; ++i) {
        const std::string own = absl::StrCat("bytes ", t, ".", i);
        for (const std::string& bytes : {own, std::string("shared")}) {
          EXPECT_EQ(*(*artifacts_->Open(Publish(bytes)))->Read(0, kAll), bytes);
        }
        EXPECT_TRUE(artifacts_->List().ok());
        if (i % 2 == 0) {
          EXPECT_TRUE(artifacts_->Remove(Sha256Hex(own)).ok());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(FileCount(), 4 * 5 + 1);
}

}  // namespace
}  // namespace circuitd
