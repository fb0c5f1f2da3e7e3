#include "client/cli/top_feed.h"

#include <string>

#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);
constexpr absl::Duration kPatience = absl::Seconds(6);

TopSnapshot Snapshot(const std::string& version) {
  TopSnapshot snapshot;
  snapshot.info.set_version(version);
  return snapshot;
}

TopSnapshot SnapshotOfJob(uint64_t steps, int64_t seconds) {
  TopSnapshot snapshot;
  snapshot.running.emplace_back().set_name("jobs/one");
  v1::JobProgress& progress = *snapshot.running[0].mutable_progress();
  progress.set_steps_done(steps);
  progress.mutable_elapsed()->set_seconds(seconds);
  return snapshot;
}

class TopFeedTest : public testing::Test {
 protected:
  static absl::Time After(int64_t seconds) { return kStart + absl::Seconds(seconds); }

  TopState state_;
  TopFeed feed_{Snapshot("1"), kPatience, kStart, state_};
};

TEST_F(TopFeedTest, ShowsTheNewestAnswerAndWhyThereIsNone) {
  EXPECT_EQ(state_.snapshot.info.version(), "1");
  feed_.Update(Snapshot("2"), After(1));
  EXPECT_EQ(state_.snapshot.info.version(), "2");
  EXPECT_EQ(state_.before.version(), "1");
  EXPECT_EQ(state_.taken, After(1));
  feed_.Update(absl::UnavailableError("refused"), After(2));
  EXPECT_EQ(state_.trouble, absl::UnavailableError("refused"));
  EXPECT_EQ(state_.snapshot.info.version(), "2");
  EXPECT_EQ(state_.taken, After(1));
  EXPECT_EQ(state_.now, After(2));
  feed_.Update(Snapshot("3"), After(3));
  EXPECT_TRUE(state_.trouble.ok());
  EXPECT_EQ(state_.snapshot.info.version(), "3");
}

TEST_F(TopFeedTest, SaysThatAServerIsSilent) {
  feed_.Update(std::nullopt, After(6));
  EXPECT_TRUE(state_.trouble.ok());
  feed_.Update(std::nullopt, After(7));
  EXPECT_TRUE(absl::IsDeadlineExceeded(state_.trouble));
}

TEST_F(TopFeedTest, ShowsWhatCameDuringAPauseAfterIt) {
  state_.paused = true;
  for (int64_t i = 1; i < 60; ++i) feed_.Update(Snapshot(std::to_string(i)), After(i));
  EXPECT_EQ(state_.snapshot.info.version(), "1");
  EXPECT_EQ(state_.now, kStart);
  state_.paused = false;
  feed_.Update(std::nullopt, After(60));
  EXPECT_TRUE(state_.trouble.ok());
  EXPECT_EQ(state_.snapshot.info.version(), "59");
  EXPECT_EQ(state_.taken, After(59));
}

TEST_F(TopFeedTest, SaysAfterAPauseThatTheServerWentAwayDuringIt) {
  state_.paused = true;
  feed_.Update(Snapshot("2"), After(1));
  feed_.Update(absl::UnavailableError("refused"), After(2));
  EXPECT_TRUE(state_.trouble.ok());
  state_.paused = false;
  feed_.Update(std::nullopt, After(3));
  EXPECT_TRUE(absl::IsUnavailable(state_.trouble));
  EXPECT_EQ(state_.snapshot.info.version(), "2");
}

TEST_F(TopFeedTest, DoesNotBlameTheServerForATimeInWhichNobodyListened) {
  feed_.ForgetSilence(After(1000));
  feed_.Update(std::nullopt, After(1001));
  EXPECT_TRUE(state_.trouble.ok());
  feed_.Update(std::nullopt, After(1007));
  EXPECT_FALSE(state_.trouble.ok());
}

TEST_F(TopFeedTest, MeasuresHowFastAJobIsLately) {
  feed_.Update(SnapshotOfJob(1000, 100), After(1));
  EXPECT_TRUE(state_.rates.empty());
  for (int64_t i = 1; i < 20; ++i) {
    feed_.Update(SnapshotOfJob(static_cast<uint64_t>(1000 + 2 * i), 100 + i), After(1 + i));
    ASSERT_EQ(state_.rates.count("jobs/one"), 1u);
    EXPECT_DOUBLE_EQ(state_.rates["jobs/one"], 2);
  }
  feed_.Update(Snapshot("2"), After(30));
  EXPECT_TRUE(state_.rates.empty());
}

}  // namespace
}  // namespace circuitd::client
