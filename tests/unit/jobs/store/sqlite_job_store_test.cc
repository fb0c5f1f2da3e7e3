// The suites for SQLite, and what its files have of their own: locks, full disks, space that is given back.
#include "server/jobs/store/sqlite_job_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "server/jobs/store/sqlite_database.h"
#include "tests/unit/jobs/store/child_process.h"
#include "tests/unit/jobs/store/file_size_limit.h"
#include "tests/unit/jobs/store/job_store_suite.h"

namespace circuitd {
namespace {
using testing::HasSubstr;

const StoreMaker kInFile = {"SqliteFile",
                            [](const std::string& folder) { return OpenSqliteJobStore(folder + "/jobs.sqlite3"); }};
const StoreMaker kInMemory = {"SqliteMemory", [](const std::string&) { return OpenSqliteJobStore(":memory:"); }};

INSTANTIATE_TEST_SUITE_P(Stores, JobStoreSuite, testing::Values(kInFile, kInMemory), JobStoreSuite::Name);
INSTANTIATE_TEST_SUITE_P(Stores, DurableJobStoreSuite, testing::Values(kInFile), JobStoreSuite::Name);

class SqliteJobStoreTest : public testing::Test {
 protected:
  void Open() {
    store_.reset();
    auto store = OpenSqliteJobStore(file_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  absl::Status Insert(absl::string_view id) {
    JobRecord record = QueuedJob(id);
    return store_->Insert(record, {StateEvent(1, JobState::kQueued)}, "input");
  }

  // Adds payloads of `size` bytes until one is refused or there are `count` of them.
  absl::Status Log(const std::string& id, size_t size, int count) {
    JobRecord record = *store_->Get(id);
    absl::Status status;
    for (int i = 0; i < count && status.ok(); ++i) {
      ++record.last_sequence;
      status = store_->Update(record, PayloadEvent(record.last_sequence, std::string(size, 'x')));
    }
    return status;
  }

  const TempFolder folder_;
  const std::string file_ = folder_ / "jobs.sqlite3";
  std::unique_ptr<JobStore> store_;
};

TEST_F(SqliteJobStoreTest, IsForItsOwnerAlone) {
  Open();
  struct stat file;
  ASSERT_EQ(::stat(file_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600);
  ASSERT_EQ(::stat((file_ + "-wal").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600);
}

TEST_F(SqliteJobStoreTest, IsOneFileWhenItIsClosed) {
  Open();
  ASSERT_TRUE(Insert("a").ok());
  store_.reset();
  EXPECT_FALSE(std::filesystem::exists(file_ + "-wal"));
  EXPECT_FALSE(std::filesystem::exists(file_ + "-shm"));
}

TEST_F(SqliteJobStoreTest, RefusesToShareItsFile) {
  Open();
  ASSERT_TRUE(Insert("a").ok());
  const auto second = OpenSqliteJobStore(file_);
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("in use"));

  ChildProcess other({CIRCUITD_STORE_CHILD, "hold-jobs", file_});
  std::string line;
  ASSERT_TRUE(other.ReadLine(line));
  EXPECT_THAT(line, HasSubstr("FAILED_PRECONDITION"));
  EXPECT_TRUE(Insert("b").ok());
}

TEST_F(SqliteJobStoreTest, RefusesTheFileOfAnotherProcess) {
  {
    ChildProcess other({CIRCUITD_STORE_CHILD, "hold-jobs", file_});
    std::string line;
    ASSERT_TRUE(other.ReadLine(line));
    ASSERT_EQ(line, "open");
    EXPECT_TRUE(absl::IsFailedPrecondition(OpenSqliteJobStore(file_).status()));
  }
  Open();
}

TEST_F(SqliteJobStoreTest, NamesTheFileThatCanNotBeMade) {
  WriteBytes(folder_ / "file", "");
  const auto under_file = OpenSqliteJobStore(folder_ / "file/jobs.sqlite3");
  EXPECT_TRUE(absl::IsFailedPrecondition(under_file.status())) << under_file.status();
  EXPECT_THAT(std::string(under_file.status().message()), HasSubstr("file/jobs.sqlite3"));
  std::filesystem::create_directory(file_);
  EXPECT_TRUE(absl::IsFailedPrecondition(OpenSqliteJobStore(file_).status()));
  // Nobody makes files there.
  const auto forbidden = OpenSqliteJobStore("/sys/jobs.sqlite3");
  EXPECT_TRUE(absl::IsPermissionDenied(forbidden.status())) << forbidden.status();
}

TEST_F(SqliteJobStoreTest, ChangesNothingWhenTheDiskIsFullAndGoesOnWhenThereIsRoom) {
  Open();
  for (const char* id : {"a", "b"}) ASSERT_TRUE(Insert(id).ok());
  std::string before;
  {
    const FileSizeLimit full(1 << 20);
    const absl::Status refused = Log("a", 10'000, 1000);
    EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("disk is full"));
    EXPECT_THAT(std::string(refused.message()), HasSubstr(file_));
    before = Describe(*store_->Get("a"));
    EXPECT_EQ(store_->Events("a", 0, 10'000)->size(), store_->Get("a")->last_sequence);
    JobRecord large = QueuedJob("large");
    large.spec = std::string(1 << 20, 's');
    EXPECT_TRUE(absl::IsResourceExhausted(store_->Insert(large, {StateEvent(1, JobState::kQueued)}, "")));
    EXPECT_EQ(large.number, 0);
    EXPECT_EQ(store_->List({})->size(), 2);
    // That is how there comes to be room.
    const absl::Status deleted = store_->Delete("b");
    EXPECT_TRUE(deleted.ok()) << deleted;
  }
  EXPECT_TRUE(Insert("c").ok());
  Open();
  EXPECT_EQ(Describe(*store_->Get("a")), before);
  EXPECT_EQ(store_->List({})->size(), 2);
  EXPECT_TRUE(Log("a", 10'000, 10).ok());
}

TEST_F(SqliteJobStoreTest, GivesBackWhatDeletedJobsTook) {
  Open();
  ASSERT_TRUE(Insert("a").ok());
  ASSERT_TRUE(Insert("b").ok());
  ASSERT_TRUE(Log("a", 100'000, 20).ok());
  Open();
  const auto large = std::filesystem::file_size(file_);
  EXPECT_GT(large, 2'000'000);
  ASSERT_TRUE(store_->Delete("a").ok());
  Open();
  EXPECT_LT(std::filesystem::file_size(file_), large / 10);
  EXPECT_EQ(Describe(*store_->Get("b")).substr(0, 8), "number 2");
}

TEST(SqliteDatabaseTest, SaysThatADatabaseIsFull) {
  const TempFolder folder;
  WriteBytes(folder / "file", "");
  const auto database = *SqliteDatabase::Open(folder / "file");
  ASSERT_TRUE(database->Execute("CREATE TABLE t (b); PRAGMA max_page_count = 10").ok());
  const absl::Status full = database->Transact(Durability::kPowerCut, [&] {
    return database->Query("INSERT INTO t VALUES (?)").Bytes(std::string(100'000, 'x')).Run();
  });
  EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;
  EXPECT_THAT(std::string(full.message()), HasSubstr("disk is full"));
  EXPECT_EQ(*database->Value("SELECT count(*) FROM t"), "0");
}

TEST(SqliteDatabaseTest, TakesBackChangesThatFailOrThrow) {
  const auto database = *SqliteDatabase::Open(":memory:");
  ASSERT_TRUE(database->Execute("CREATE TABLE t (b)").ok());
  const auto insert = [&] { return database->Query("INSERT INTO t VALUES (?)").Int(1).Run(); };
  EXPECT_TRUE(absl::IsAborted(database->Transact(Durability::kPowerCut, [&]() -> absl::Status {
    EXPECT_TRUE(insert().ok());
    return absl::AbortedError("no");
  })));
  EXPECT_THROW(database
                   ->Transact(Durability::kKilledProcess,
                              [&]() -> absl::Status {
                                EXPECT_TRUE(insert().ok());
                                throw std::bad_alloc();
                              })
                   .IgnoreError(),
               std::bad_alloc);
  EXPECT_EQ(*database->Value("SELECT count(*) FROM t"), "0");
  EXPECT_TRUE(database->Transact(Durability::kPowerCut, insert).ok());
  EXPECT_EQ(*database->Value("SELECT count(*) FROM t"), "1");
}

}  // namespace
}  // namespace circuitd
