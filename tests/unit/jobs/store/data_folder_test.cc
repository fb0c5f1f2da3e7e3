// Who may have a data folder, and what keeps one from being made.
#include "server/jobs/store/data_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/jobs/store/child_process.h"
#include "tests/unit/jobs/store/store_test_util.h"

namespace circuitd {
namespace {
using testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(DataFolderTest, IsMadeForItsOwnerAloneWithThoseAboveIt) {
  const TempFolder folder;
  const std::string path = folder / "above/data";
  const auto data = DataFolder::Open(path);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ((*data)->jobs_file(), path + "/jobs.sqlite3");
  EXPECT_EQ((*data)->artifacts_folder(), path + "/artifacts");
  for (const std::string& made : {path, folder / "above"}) {
    struct stat found;
    ASSERT_EQ(::stat(made.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0700) << made;
  }
  EXPECT_EQ(ReadBytes(path + "/lock"), absl::StrCat(::getpid(), "\n"));
}

TEST(DataFolderTest, IsOpenedOnceAtATime) {
  const TempFolder folder;
  auto first = DataFolder::Open(folder.path());
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = DataFolder::Open(folder.path());
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status()));
  EXPECT_EQ(Message(second.status()),
            absl::StrCat(folder.path(), " is in use by another circuitd (process ", ::getpid(), ")"));
  first->reset();
  EXPECT_TRUE(DataFolder::Open(folder.path()).ok());
}

TEST(DataFolderTest, IsKeptFromOthersByAProcessUntilThatIsKilled) {
  const TempFolder folder;
  ChildProcess holder({CIRCUITD_STORE_CHILD, "hold-folder", folder.path()});
  std::string line;
  ASSERT_TRUE(holder.ReadLine(line));
  ASSERT_EQ(line, "open");
  const auto refused = DataFolder::Open(folder.path());
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status()));
  EXPECT_THAT(Message(refused.status()), HasSubstr(absl::StrCat("(process ", holder.pid(), ")")));
  holder.Kill();
  const auto data = DataFolder::Open(folder.path());
  EXPECT_TRUE(data.ok()) << data.status();

  ChildProcess late({CIRCUITD_STORE_CHILD, "hold-folder", folder.path()});
  ASSERT_TRUE(late.ReadLine(line));
  EXPECT_THAT(line, HasSubstr(absl::StrCat("(process ", ::getpid(), ")")));
}

TEST(DataFolderTest, IsNotHeldByProgramsThatItsHolderStarts) {
  const TempFolder folder, other;
  auto data = DataFolder::Open(folder.path());
  ASSERT_TRUE(data.ok()) << data.status();
  ChildProcess child({CIRCUITD_STORE_CHILD, "hold-folder", other.path()});
  std::string line;
  ASSERT_TRUE(child.ReadLine(line));
  ASSERT_EQ(line, "open");
  data->reset();
  EXPECT_TRUE(DataFolder::Open(folder.path()).ok());
  EXPECT_EQ(child.Finish(), 0);
}

TEST(DataFolderTest, SaysWhatKeepsItFromBeingMade) {
  const TempFolder folder;
  WriteBytes(folder / "file", "bytes");
  for (const char* path : {"file", "file/below", "file/below/further"}) {
    const auto refused = DataFolder::Open(folder / path);
    EXPECT_TRUE(absl::IsFailedPrecondition(refused.status())) << refused.status();
    EXPECT_THAT(Message(refused.status()), HasSubstr(folder / "file"));
  }
  EXPECT_EQ(ReadBytes(folder / "file"), "bytes");
  EXPECT_FALSE(DataFolder::Open("").ok());
  // Nobody makes folders there.
  const auto forbidden = DataFolder::Open("/sys/circuitd");
  EXPECT_TRUE(absl::IsPermissionDenied(forbidden.status())) << forbidden.status();
  EXPECT_THAT(Message(forbidden.status()), HasSubstr("/sys/circuitd: can't create: "));
}

}  // namespace
}  // namespace circuitd
