#include "server/jobs/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/jobs/job_life.h"
#include "server/jobs/store/sqlite_job_store.h"

namespace circuitd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class EventLogTest : public testing::Test {
 protected:
  EventLogTest() {
    record_.id = "job";
    const JobEvent queued = BeQueued(record_, absl::UnixEpoch());
    EXPECT_TRUE(store_->Insert(record_, {queued}, "").ok());
    log_.Append("job", queued, "");
  }
  void Emit(const std::string& payload) {
    const JobEvent event = Happen(record_, payload, "progress of " + payload, absl::UnixEpoch());
    ASSERT_TRUE(store_->Update(record_, event).ok());
    log_.Append("job", event, record_.progress);
  }
  void EnterState(JobState state) {
    const JobEvent event = Enter(record_, state, absl::UnixEpoch());
    ASSERT_TRUE(store_->Update(record_, event).ok());
    log_.Append("job", event, record_.progress);
  }
  // "2:payload"; the page's progress last, if there is one.
  std::vector<std::string> Read(uint64_t after, size_t limit = 100) const {
    std::vector<std::string> words;
    const auto page = log_.After("job", after, limit).value();
    for (const auto& event : page.events) {
      words.push_back(std::to_string(event->sequence) + ":" + (event->state ? "state" : event->payload));
    }
    if (!page.progress.empty()) words.push_back(page.progress);
    return words;
  }

  const std::unique_ptr<JobStore> store_ = OpenSqliteJobStore(":memory:").value();
  EventLog log_{*store_, /*held_per_job=*/3};
  JobRecord record_;
};

TEST_F(EventLogTest, ReadsOnFromAnySequenceNumber) {
  EnterState(JobState::kRunning);
  for (const char* payload : {"a", "b", "c", "d"}) Emit(payload);
  // The last three are held, the others come from the store.
  EXPECT_THAT(Read(0), ElementsAre("1:state", "2:state", "3:a", "4:b", "5:c", "6:d", "progress of d"));
  EXPECT_THAT(Read(3), ElementsAre("4:b", "5:c", "6:d", "progress of d"));
  EXPECT_THAT(Read(5), ElementsAre("6:d", "progress of d"));
  EXPECT_THAT(Read(6), IsEmpty());
  EXPECT_THAT(Read(60), IsEmpty());
}

TEST_F(EventLogTest, TellsProgressOnlyWithTheNewestEvent) {
  EnterState(JobState::kRunning);
  for (const char* payload : {"a", "b", "c", "d", "e"}) Emit(payload);
  EXPECT_THAT(Read(2, 2), ElementsAre("3:a", "4:b"));
  EXPECT_THAT(Read(4, 2), ElementsAre("5:c", "6:d"));
  EXPECT_THAT(Read(6, 2), ElementsAre("7:e", "progress of e"));
  EnterState(JobState::kQueued);
  EXPECT_THAT(Read(6), ElementsAre("7:e", "8:state"));
}

TEST_F(EventLogTest, ReadersShareTheEventsThatAreHeld) {
  Emit("a");
  EXPECT_EQ(log_.After("job", 1, 9)->events[0], log_.After("job", 1, 9)->events[0]);
}

TEST_F(EventLogTest, HoldsAndReadsNoMoreThanItsBytesAtOnce) {
  EventLog log(*store_, /*held_per_job=*/100, /*held_bytes=*/10);
  for (int i = 0; i < 4; ++i) {
    const JobEvent event = Happen(record_, std::string(8, 'a' + i), "", absl::UnixEpoch());
    ASSERT_TRUE(store_->Update(record_, event).ok());
    log.Append("job", event, "");
  }
  // Each one from the store, or the last one from memory; none is left out.
  std::string seen;
  uint64_t after = 1;
  while (true) {
    const auto page = log.After("job", after, 100).value();
    if (page.events.empty()) break;
    EXPECT_LE(page.events.size(), 2u);
    for (const auto& event : page.events) seen += event->payload.front();
    after = page.events.back()->sequence;
  }
  EXPECT_EQ(seen, "abcd");
  EXPECT_EQ(log.After("job", 4, 9)->events[0], log.After("job", 4, 9)->events[0]);
  EXPECT_NE(log.After("job", 3, 9)->events[0], log.After("job", 3, 9)->events[0]);
}

TEST_F(EventLogTest, ReadsReleasedJobsFromTheStore) {
  Emit("a");
  EnterState(JobState::kCancelled);
  log_.Release("job");
  EXPECT_THAT(Read(0), ElementsAre("1:state", "2:a", "3:state"));
  EXPECT_THAT(Read(2), ElementsAre("3:state"));
}

TEST_F(EventLogTest, GoesOnAfterARestartWithoutGap) {
  Emit("a");
  Emit("b");
  EventLog later(*store_);
  const JobEvent event = Happen(record_, "c", "", absl::UnixEpoch());
  ASSERT_TRUE(store_->Update(record_, event).ok());
  later.Append("job", event, "");
  const auto page = later.After("job", 1, 9).value();
  ASSERT_EQ(page.events.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(page.events[i]->sequence, i + 2);
}

TEST_F(EventLogTest, SaysThatAJobIsNotThere) { EXPECT_TRUE(absl::IsNotFound(log_.After("other", 0, 9).status())); }

}  // namespace
}  // namespace circuitd
