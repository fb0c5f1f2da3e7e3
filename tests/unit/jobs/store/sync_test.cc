// What is on the disk, and not only with the operating system, when it is answered.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <optional>

#include "server/jobs/store/artifact_folder.h"
#include "server/jobs/store/sqlite_job_store.h"
#include "tests/unit/jobs/store/store_test_util.h"

namespace {
std::atomic<int> syncs = 0;
}  // namespace

// In place of the C library's, for SQLite, too.
extern "C" int fsync(int fd) {
  ++syncs;
  return static_cast<int>(::syscall(SYS_fsync, fd));
}
extern "C" int fdatasync(int fd) {
  ++syncs;
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

namespace circuitd {
namespace {

template <typename Change>
int SyncsOf(const Change& change) {
  const int before = syncs;
  const absl::Status status = change();
  EXPECT_TRUE(status.ok()) << status;
  return syncs - before;
}

TEST(SyncTest, JobsAndTheirStatesAreOnTheDiskAndPayloadsNeedNotBe) {
  const TempFolder folder;
  const auto store = *OpenSqliteJobStore(folder / "jobs.sqlite3");
  JobRecord record = QueuedJob("a");
  const auto insert = [&] { return store->Insert(record, {StateEvent(1, JobState::kQueued)}, "input"); };
  const auto log = [&] { return store->Update(record, PayloadEvent(++record.last_sequence, "payload")); };
  const auto run = [&] { return store->Update(record, StateEvent(++record.last_sequence, JobState::kRunning)); };
  EXPECT_GT(SyncsOf(insert), 0);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(SyncsOf(log), 0);
    EXPECT_EQ(SyncsOf(log), 0);
    EXPECT_GT(SyncsOf(run), 0);
  }
  EXPECT_EQ(SyncsOf(log), 0);
  EXPECT_GT(SyncsOf([&] { return store->Delete("a"); }), 0);
}

TEST(SyncTest, ArtifactsAreOnTheDiskBeforeTheyHaveTheirNameAndThenTheNameIs) {
  const TempFolder folder;
  const auto artifacts = *ArtifactFolder::Open(folder / "artifacts");
  std::optional<StagedArtifact> staged;
  EXPECT_GT(SyncsOf([&] {
              staged = *artifacts->Stage({.name = "a", .media_type = "b", .bytes = "c"});
              return absl::OkStatus();
            }),
            0);
  EXPECT_GT(SyncsOf([&] { return artifacts->Publish(*staged); }), 0);
}

}  // namespace
}  // namespace circuitd
