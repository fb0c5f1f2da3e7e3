// A model's SHA-256: what it covers, when it is kept, and when it is refused.
#include "server/model/fingerprint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/sha256.h"
#include "tests/unit/model/temp_folder.h"

namespace circuitd {
namespace {

FingerprintFile Stamped(const TempFolder& folder, const std::string& name) {
  const auto stamp = StampFile(folder / name, name);
  EXPECT_TRUE(stamp.ok()) << stamp.status();
  return {name, folder / name, *stamp};
}

absl::StatusOr<std::string> Sha256Of(std::vector<FingerprintFile> files) {
  return Fingerprint(std::move(files), std::make_shared<FileHashCache>()).Sha256();
}

TEST(FingerprintTest, HashesTheLinesOfSha256sum) {
  const TempFolder folder;
  folder.Write("b", "beta");
  folder.Write("a", std::string(3'000'000, 'x'));
  const auto sha256 = Sha256Of({Stamped(folder, "b"), Stamped(folder, "a")});
  ASSERT_TRUE(sha256.ok()) << sha256.status();
  EXPECT_EQ(*sha256, Sha256Hex(Sha256Hex(std::string(3'000'000, 'x')) + "  a\n" + Sha256Hex("beta") + "  b\n"));
}

TEST(FingerprintTest, DependsOnNamesAndSplit) {
  const TempFolder folder;
  folder.Write("a", "12");
  folder.Write("b", "12");
  folder.Write("c", "1");
  folder.Write("d", "2");
  EXPECT_NE(*Sha256Of({Stamped(folder, "a")}), *Sha256Of({Stamped(folder, "b")}));
  EXPECT_NE(*Sha256Of({Stamped(folder, "a")}), *Sha256Of({Stamped(folder, "c"), Stamped(folder, "d")}));
}

TEST(FingerprintTest, RefusesFilesThatChanged) {
  const TempFolder folder;
  folder.Write("a", "old");
  const FingerprintFile file = Stamped(folder, "a");
  folder.Write("a", "newer");
  const Fingerprint changed({file}, std::make_shared<FileHashCache>());
  EXPECT_EQ(changed.Sha256().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(changed.Sha256().status().message(), "a: has changed since it was loaded");
  EXPECT_EQ(changed.Sha256IfKnown(), "");
}

TEST(FingerprintTest, RefusesFilesThatWereReplacedByOthersOfTheSameSizeAndTime) {
  const TempFolder folder;
  folder.Write("a", "old");
  folder.Write("b", "new");
  const FingerprintFile file = Stamped(folder, "a");
  std::filesystem::last_write_time(folder / "b", std::filesystem::last_write_time(folder / "a"));
  std::filesystem::rename(folder / "b", folder / "a");
  EXPECT_EQ(Sha256Of({file}).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(FingerprintTest, RefusesFilesThatVanished) {
  const TempFolder folder;
  folder.Write("a", "old");
  const FingerprintFile file = Stamped(folder, "a");
  std::filesystem::remove(folder / "a");
  const auto sha256 = Sha256Of({file});
  EXPECT_EQ(sha256.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(sha256.status().message(), "a: there is no such file");
}

TEST(FingerprintTest, RefusesChangedFilesEvenIfTheirOldHashIsKept) {
  const TempFolder folder;
  folder.Write("a", "old");
  const FingerprintFile file = Stamped(folder, "a");
  const auto cache = std::make_shared<FileHashCache>();
  ASSERT_TRUE(Fingerprint({file}, cache).Sha256().ok());
  folder.Write("a", "newer");
  EXPECT_FALSE(Fingerprint({file}, cache).Sha256().ok());
}

TEST(FingerprintTest, DoesNotReadAFileAgainThatItKnows) {
  const TempFolder folder;
  folder.Write("a", "text");
  const FingerprintFile file = Stamped(folder, "a");
  const auto cache = std::make_shared<FileHashCache>();
  ASSERT_TRUE(Fingerprint({file}, cache).Sha256().ok());
  EXPECT_EQ(cache->Find(file.stamp), Sha256Hex("text"));
  // A value that only the cache has shows where the next one comes from.
  cache->Add(file.stamp, "cached");
  EXPECT_EQ(*Fingerprint({file}, cache).Sha256(), Sha256Hex("cached  a\n"));
}

TEST(FingerprintTest, TellsWithoutWaitingOnceItIsKnown) {
  const TempFolder folder;
  folder.Write("a", "text");
  const Fingerprint fingerprint({Stamped(folder, "a")}, std::make_shared<FileHashCache>());
  const auto sha256 = fingerprint.Sha256();
  ASSERT_TRUE(sha256.ok());
  EXPECT_EQ(fingerprint.Sha256IfKnown(), *sha256);
}

TEST(FingerprintTest, StopsWhenItsModelGoes) {
  const TempFolder folder;
  folder.Write("a", "");
  // A terabyte of holes: reading all of it would take minutes.
  std::filesystem::resize_file(folder / "a", uintmax_t{1} << 40);
  const auto cache = std::make_shared<FileHashCache>();
  const FingerprintFile file = Stamped(folder, "a");
  { const Fingerprint fingerprint({file}, cache); }
  EXPECT_FALSE(cache->Find(file.stamp));
}

}  // namespace
}  // namespace circuitd
