#include "server/jobs/job_life.h"

#include <gtest/gtest.h>

namespace circuitd {
namespace {

constexpr JobState kAll[] = {JobState::kQueued, JobState::kRunning, JobState::kSucceeded, JobState::kFailed,
                             JobState::kCancelled};

TEST(JobLifeTest, NothingLeadsOutOfAnEnd) {
  for (const JobState from : {JobState::kSucceeded, JobState::kFailed, JobState::kCancelled}) {
    for (const JobState to : kAll) EXPECT_FALSE(MayEnter(from, to));
  }
}

TEST(JobLifeTest, QueuedAndRunningLeadToEachOtherAndToEveryEnd) {
  for (const JobState to : kAll) {
    EXPECT_EQ(MayEnter(JobState::kQueued, to), to != JobState::kQueued);
    EXPECT_EQ(MayEnter(JobState::kRunning, to), to != JobState::kRunning);
  }
}

TEST(JobLifeTest, EventsAreNumberedWithoutGaps) {
  JobRecord record;
  const absl::Time now = absl::FromUnixSeconds(1000);
  EXPECT_EQ(BeQueued(record, now).sequence, 1u);
  EXPECT_EQ(Enter(record, JobState::kRunning, now).sequence, 2u);
  const JobEvent happened = Happen(record, "payload", "progress", now);
  EXPECT_EQ(happened.sequence, 3u);
  EXPECT_EQ(happened.payload, "payload");
  EXPECT_EQ(happened.state, std::nullopt);
  EXPECT_EQ(record.progress, "progress");
  EXPECT_EQ(Enter(record, JobState::kFailed, now, absl::DataLossError("x")).state, JobState::kFailed);
  EXPECT_EQ(record.last_sequence, 4u);
  EXPECT_EQ(record.error, absl::DataLossError("x"));
}

TEST(JobLifeTest, KeepsTheTimeOfTheFirstStart) {
  JobRecord record;
  BeQueued(record, absl::FromUnixSeconds(1));
  Enter(record, JobState::kRunning, absl::FromUnixSeconds(2));
  Enter(record, JobState::kQueued, absl::FromUnixSeconds(3));
  Enter(record, JobState::kRunning, absl::FromUnixSeconds(4));
  EXPECT_EQ(record.started, absl::FromUnixSeconds(2));
  EXPECT_EQ(record.ended, absl::InfinitePast());
}

TEST(JobLifeTest, TimesDoNotGoBackWithTheClock) {
  JobRecord record;
  BeQueued(record, absl::FromUnixSeconds(1000));
  EXPECT_EQ(Enter(record, JobState::kRunning, absl::FromUnixSeconds(500)).time, absl::FromUnixSeconds(1000));
  EXPECT_EQ(Happen(record, "p", "", absl::FromUnixSeconds(10)).time, absl::FromUnixSeconds(1000));
  Enter(record, JobState::kSucceeded, absl::FromUnixSeconds(1));
  EXPECT_GE(record.ended, record.started);
  EXPECT_GE(record.started, record.created);
}

}  // namespace
}  // namespace circuitd
