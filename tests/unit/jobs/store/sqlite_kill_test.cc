// What is left in a store's file when the process that writes it is killed.
#include <gtest/gtest.h>
#include <sched.h>

#include <random>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/jobs/store/sqlite_job_store.h"
#include "tests/unit/jobs/store/child_process.h"
#include "tests/unit/jobs/store/store_test_util.h"

namespace circuitd {
namespace {

// What a writer has said.
struct Said {
  uint64_t last_event = 0;
  std::set<std::string> inserted;  // and not being deleted
  std::set<std::string> deleted;

  void Hear(absl::string_view line) {
    if (absl::ConsumePrefix(&line, "event ")) {
      ASSERT_TRUE(absl::SimpleAtoi(line, &last_event));
    } else if (absl::ConsumePrefix(&line, "inserted ")) {
      inserted.emplace(line);
    } else if (absl::ConsumePrefix(&line, "deleting ")) {
      inserted.erase(std::string(line));
    } else if (absl::ConsumePrefix(&line, "deleted ")) {
      deleted.emplace(line);
    } else {
      ASSERT_TRUE(line == "opening" || line == "open") << line;
    }
  }
};

void ExpectLogIsWhole(const JobStore& store, uint64_t last_event) {
  const auto log = store.Get("log");
  if (last_event == 0 && absl::IsNotFound(log.status())) return;
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_GE(log->last_sequence, last_event);
  const auto events = store.Events("log", 0, 1'000'000);
  ASSERT_EQ(events->size(), log->last_sequence);
  std::string progress;
  for (size_t i = 0; i < events->size(); ++i) {
    const JobEvent& event = (*events)[i];
    ASSERT_EQ(event.sequence, i + 1);
    if (event.state) continue;
    ASSERT_TRUE(absl::StartsWith(event.payload, absl::StrCat("payload ", i + 1)));
    progress = event.payload;
  }
  EXPECT_EQ(log->progress, progress);
}

void ExpectEverythingSaidIsThere(const std::string& file, const Said& said) {
  const auto store = OpenSqliteJobStore(file);
  ASSERT_TRUE(store.ok()) << store.status();
  ExpectLogIsWhole(**store, said.last_event);
  for (const std::string& id : said.inserted) {
    EXPECT_TRUE((*store)->Get(id).ok()) << id;
    EXPECT_EQ((*store)->Events(id, 0, 10)->size(), 1) << id;
    EXPECT_EQ(*(*store)->Input(id), "input") << id;
  }
  for (const std::string& id : said.deleted) EXPECT_TRUE(absl::IsNotFound((*store)->Get(id).status())) << id;
}

TEST(SqliteKillTest, KeepsAllThatWasAnsweredBeforeAKill) {
  const TempFolder folder;
  const std::string file = folder / "jobs.sqlite3";
  std::mt19937 random(20261124);
  Said said;
  for (int round = 0; round < 15; ++round) {
    ChildProcess writer({CIRCUITD_STORE_CHILD, "write", file, absl::StrCat(round)});
    std::string line;
    for (int lines = 3 + random() % 300; lines > 0 && writer.ReadLine(line); --lines) said.Hear(line);
    writer.Kill();
    while (writer.ReadLine(line)) said.Hear(line);
    ExpectEverythingSaidIsThere(file, said);
    if (testing::Test::HasFailure()) FAIL() << "in round " << round;
  }
  EXPECT_GT(said.last_event, 100);
}

TEST(SqliteKillTest, CanBeOpenedWhenItWasKilledWhileItWasMade) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    const TempFolder folder;
    const std::string file = folder / "jobs.sqlite3";
    Said said;
    std::string line;
    ChildProcess writer({CIRCUITD_STORE_CHILD, "write", file, absl::StrCat(round)});
    ASSERT_TRUE(writer.ReadLine(line));
    ASSERT_EQ(line, "opening");
    for (int yields = random() % 3000; yields > 0; --yields) ::sched_yield();  // some moment
    writer.Kill();
    while (writer.ReadLine(line)) said.Hear(line);
    ExpectEverythingSaidIsThere(file, said);
  }
}

}  // namespace
}  // namespace circuitd
