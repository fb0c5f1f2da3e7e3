// What becomes of a store whose file is damaged, or is no store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <random>

#include "absl/strings/str_cat.h"
#include "server/jobs/store/sqlite_job_store.h"
#include "tests/unit/jobs/store/store_test_util.h"

namespace circuitd {
namespace {
using testing::HasSubstr;

void Execute(const std::string& file, const char* statements) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, statements, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
}

class SqliteDamageTest : public testing::Test {
 protected:
  SqliteDamageTest() {
    const auto store = OpenSqliteJobStore(file_);
    EXPECT_TRUE(store.ok()) << store.status();
    for (int i = 0; i < 12; ++i) {
      JobRecord record = QueuedJob(absl::StrCat("job ", i));
      record.spec = std::string(700 * i, 's');
      EXPECT_TRUE((*store)->Insert(record, {StateEvent(1, JobState::kQueued)}, std::string(300 * i, 'i')).ok());
      Log(**store, record, 2 + i);
      record.artifacts = {Artifact("a", absl::StrCat(i)), Artifact("b", "shared")};
      record.state = i % 2 == 0 ? JobState::kSucceeded : JobState::kRunning;
      EXPECT_TRUE((*store)->Update(record, StateEvent(++record.last_sequence, record.state)).ok());
    }
    EXPECT_TRUE((*store)->Delete("job 3").ok());
  }

  static void Log(JobStore& store, JobRecord& record, int events) {
    for (int i = 0; i < events; ++i) {
      record.progress = std::string(200 * i, 'p');
      EXPECT_TRUE(store.Update(record, PayloadEvent(++record.last_sequence, record.progress)).ok());
    }
  }

  // Puts `bytes`, and `log` as write-ahead log, in the file's place.
  void Put(const std::string& bytes, const std::string& log = "") const {
    WriteBytes(file_, bytes);
    if (log.empty()) {
      std::filesystem::remove(wal_);
    } else {
      WriteBytes(wal_, log);
    }
  }

  // Opens what lies there. A refusal leaves it as it was and says so with one of these codes.
  bool Opens(const std::vector<absl::StatusCode>& codes = {absl::StatusCode::kDataLoss}) const {
    const std::string before = ReadBytes(file_);
    const std::string log_before = ReadBytes(wal_);
    auto store = OpenSqliteJobStore(file_);
    if (store.ok()) {
      UseAll(**store);
      return true;
    }
    EXPECT_THAT(codes, testing::Contains(store.status().code())) << store.status();
    EXPECT_THAT(std::string(store.status().message()), HasSubstr(file_));
    if (absl::IsDataLoss(store.status())) {
      EXPECT_THAT(std::string(store.status().message()), HasSubstr(" is damaged: "));
      EXPECT_THAT(std::string(store.status().message()), HasSubstr("; move it away (with -wal)"));
    }
    EXPECT_TRUE(ReadBytes(file_) == before) << "a refused file was changed";
    EXPECT_TRUE(ReadBytes(wal_) == log_before) << "a refused file's log was changed";
    return false;
  }

  static void ExpectAnswer(const absl::Status& status) {
    EXPECT_THAT(status.code(), testing::AnyOf(absl::StatusCode::kOk, absl::StatusCode::kNotFound,
                                              absl::StatusCode::kDataLoss, absl::StatusCode::kInternal))
        << status;
  }

  // Every question and every change has an answer, whichever.
  static void UseAll(JobStore& store) {
    const auto records = store.List({});
    ExpectAnswer(records.status());
    ExpectAnswer(store.FindRequest("owner", "request of job 5").status());
    ExpectAnswer(store.FindResult("key of job 4").status());
    ExpectAnswer(store.IsArtifactUsed(Artifact("b", "shared").sha256).status());
    ExpectAnswer(store.Expired(absl::InfiniteFuture(), 0).status());
    for (int i = 0; i < 12; ++i) {
      const std::string id = absl::StrCat("job ", i);
      ExpectAnswer(store.Events(id, 0, 1000).status());
      ExpectAnswer(store.Input(id).status());
      auto record = store.Get(id);
      ExpectAnswer(record.status());
      if (!record.ok()) continue;
      ++record->last_sequence;
      ExpectAnswer(store.Update(*record, PayloadEvent(record->last_sequence, std::string(5000, 'p'))));
    }
    ExpectAnswer(store.Delete("job 7"));
  }

  const TempFolder folder_;
  const std::string file_ = folder_ / "jobs.sqlite3";
  const std::string wal_ = file_ + "-wal";
};

TEST_F(SqliteDamageTest, TakesAnEmptyFileForANewStore) {
  Put("");
  EXPECT_TRUE(Opens());
  EXPECT_GT(ReadBytes(file_).size(), 0);
}

TEST_F(SqliteDamageTest, RefusesAnEmptyOrMissingFileWhoseLogIsNot) {
  Put("", "log");
  EXPECT_FALSE(Opens());
  std::filesystem::remove(file_);
  EXPECT_FALSE(Opens());
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(SqliteDamageTest, RefusesGarbage) {
  std::mt19937 random(1);
  for (const size_t size : {1, 15, 16, 17, 100, 511, 512, 4096, 100'000}) {
    std::string garbage(size, '\0');
    for (char& byte : garbage) byte = static_cast<char>(random());
    Put(garbage);
    EXPECT_FALSE(Opens()) << size << " bytes";
    Put(std::string(size, '\0'));
    EXPECT_FALSE(Opens()) << size << " zero bytes";
  }
}

TEST_F(SqliteDamageTest, RefusesAFileThatWasCutShortAnywhere) {
  const std::string whole = ReadBytes(file_);
  std::mt19937 random(2);
  std::vector<size_t> lengths = {1, 20, 99, 100, 512, 4095, 4096, 4097, 8192, whole.size() - 4096, whole.size() - 1};
  for (int i = 0; i < 80; ++i) lengths.push_back(1 + random() % (whole.size() - 1));
  for (const size_t length : lengths) {
    Put(whole.substr(0, length));
    EXPECT_FALSE(Opens()) << "cut to " << length << " bytes";
  }
  Put(whole);
  EXPECT_TRUE(Opens());
}

TEST_F(SqliteDamageTest, RefusesOrServesAFileWithChangedBytes) {
  const std::string whole = ReadBytes(file_);
  std::mt19937 random(3);
  std::vector<size_t> offsets;
  for (size_t i = 0; i < 110; ++i) offsets.push_back(i);                                                // its header
  for (size_t page = 4096; page < whole.size(); page += 4096) offsets.push_back(page + random() % 12);  // theirs
  for (int i = 0; i < 150; ++i) offsets.push_back(random() % whole.size());
  int refused = 0;
  for (const size_t offset : offsets) {
    SCOPED_TRACE(absl::StrCat("byte ", offset));
    std::string changed = whole;
    changed[offset] ^= static_cast<char>(1 + random() % 255);
    Put(changed);
    // Where the version lies, a changed byte makes a newer one.
    const bool version = offset >= 60 && offset < 64;
    const bool opens = Opens(version ? std::vector{absl::StatusCode::kDataLoss, absl::StatusCode::kFailedPrecondition}
                                     : std::vector{absl::StatusCode::kDataLoss});
    refused += opens ? 0 : 1;
  }
  EXPECT_GT(refused, 50);
}

TEST_F(SqliteDamageTest, LeavesTheLogOfARefusedFile) {
  std::string whole, log;
  {
    const auto store = OpenSqliteJobStore(file_);
    auto record = (*store)->Get("job 1");
    Log(**store, *record, 3);
    whole = ReadBytes(file_);
    log = ReadBytes(wal_);
  }
  ASSERT_GT(log.size(), 0);
  Put(whole, log);
  EXPECT_TRUE(Opens());
  int refused = 0;
  for (size_t page = 4096; page < whole.size(); page += 4096) {
    std::string changed = whole;
    changed[page] = '\x55';
    Put(changed, log);
    refused += Opens() ? 0 : 1;
  }
  EXPECT_GT(refused, 3);
}

TEST_F(SqliteDamageTest, HasTheFirstChangesOfADamagedLog) {
  std::string whole, log;
  uint64_t first = 0, last = 0;
  {
    const auto store = OpenSqliteJobStore(file_);
    auto record = (*store)->Get("job 1");
    first = record->last_sequence;
    Log(**store, *record, 15);
    last = record->last_sequence;
    whole = ReadBytes(file_);
    log = ReadBytes(wal_);
  }
  std::mt19937 random(4);
  for (int i = 0; i < 60; ++i) {
    std::string changed = log;
    const size_t offset = random() % log.size();
    if (i % 2 == 0) {
      changed.resize(offset);
    } else {
      changed[offset] ^= static_cast<char>(1 + random() % 255);
    }
    Put(whole, changed);
    const auto store = OpenSqliteJobStore(file_);
    ASSERT_TRUE(store.ok()) << store.status();
    const auto record = (*store)->Get("job 1");
    EXPECT_GE(record->last_sequence, first);
    EXPECT_LE(record->last_sequence, last);
    EXPECT_EQ((*store)->Events("job 1", 0, 1000)->size(), record->last_sequence);
  }
}

TEST_F(SqliteDamageTest, RefusesTheFileOfANewerServer) {
  Execute(file_, "PRAGMA user_version = 2");
  const std::string before = ReadBytes(file_);
  const auto store = OpenSqliteJobStore(file_);
  EXPECT_TRUE(absl::IsFailedPrecondition(store.status())) << store.status();
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("newer circuitd"));
  EXPECT_TRUE(ReadBytes(file_) == before);
}

TEST_F(SqliteDamageTest, RefusesAFileWithOtherTables) {
  for (const char* change :
       {"DROP INDEX jobs_by_end", "CREATE TABLE more (a)", "ALTER TABLE jobs DROP COLUMN result"}) {
    const std::string whole = ReadBytes(file_);
    Execute(file_, change);
    EXPECT_FALSE(Opens()) << change;
    Put(whole);
  }
  std::filesystem::remove(file_);
  Execute(file_, "CREATE TABLE something (a)");
  EXPECT_FALSE(Opens());
}

}  // namespace
}  // namespace circuitd
