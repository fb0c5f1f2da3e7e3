// Whose turn it is, and when the others' is to come; the clocks are the tests'.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "tests/unit/jobs/job_test_util.h"

namespace circuitd {
namespace {

using testing::ElementsAre;

TEST(JobTurnsTest, SaysWhenAQueuedJobIsToBegin) {
  JobRig rig;
  JobRequest first = TrivialRequest();
  first.estimate = absl::Seconds(30);
  const std::string a = rig.Submit(std::move(first)).id;
  const std::string b = rig.Submit(TrivialRequest()).id;
  const std::string c = rig.Submit(TrivialRequest()).id;
  EXPECT_EQ(rig.manager->Get(a)->estimated_start, rig.clocks.Now());
  EXPECT_EQ(rig.manager->Get(b)->estimated_start, rig.clocks.Now() + absl::Seconds(30));
  // How long the one before it takes is not known.
  EXPECT_EQ(rig.manager->Get(c)->estimated_start, std::nullopt);
  EXPECT_EQ(rig.manager->Get(c)->queue_position, 2u);
}

TEST(JobTurnsTest, RunningJobsRemainingTimeMovesTheOthersStart) {
  JobRig rig;
  std::string waiting;
  rig.Submit(RequestOf([&](JobContext& context) -> absl::StatusOr<JobOutcome> {
    EXPECT_EQ(rig.manager->Get(waiting)->estimated_start, std::nullopt);
    context.Emit("e", "p", absl::Seconds(50));
    rig.clocks.Advance(absl::Seconds(20));
    EXPECT_EQ(rig.manager->Get(waiting)->estimated_start, rig.clocks.Now() + absl::Seconds(30));
    return Result("r");
  }));
  waiting = rig.Submit(TrivialRequest()).id;
  rig.RunNext();
}

TEST(JobTurnsTest, JobMakesRoomAfterItsTurnAndGoesOnWhereItWas) {
  JobRig rig({.turn = absl::Seconds(60)});
  std::vector<size_t> begun_with;
  JobRequest request = RequestOf([&](JobContext& context) -> absl::StatusOr<JobOutcome> {
    begun_with.push_back(context.past_events().size());
    for (size_t i = context.past_events().size(); i < 6; ++i) {
      context.Emit("e" + std::to_string(i), "p", absl::ZeroDuration());
      rig.clocks.Advance(absl::Seconds(25));
      RETURN_IF_ERROR(context.Checkpoint());
    }
    return Result("r");
  });
  const std::string long_job = rig.Submit(std::move(request)).id;
  JobRequest other = TrivialRequest();
  other.owner = "bob";
  const std::string short_job = rig.Submit(std::move(other)).id;
  EXPECT_TRUE(rig.RunNext());
  // At the fourth event 75 s have gone, which are over a turn, and Bob has had nothing.
  EXPECT_EQ(rig.Get(long_job).state, JobState::kQueued);
  EXPECT_TRUE(rig.RunNext());
  EXPECT_EQ(rig.Get(short_job).state, JobState::kSucceeded);
  EXPECT_TRUE(rig.RunNext());
  EXPECT_EQ(rig.Get(long_job).state, JobState::kSucceeded);
  EXPECT_THAT(begun_with, ElementsAre(0, 4));
  EXPECT_THAT(rig.Payloads(long_job), ElementsAre("e0", "e1", "e2", "e3", "e4", "e5"));
}

TEST(JobTurnsTest, TurnIsLongEnoughForWhatPreparingCosts) {
  JobRig rig({.turn = absl::Seconds(10)});
  int turns = 0;
  rig.Submit(RequestOf([&](JobContext& context) -> absl::StatusOr<JobOutcome> {
    ++turns;
    rig.clocks.Advance(absl::Seconds(7));
    for (size_t i = context.past_events().size(); i < 12; ++i) {
      rig.clocks.Advance(absl::Seconds(8));
      context.Emit("e", "p", absl::ZeroDuration());
      RETURN_IF_ERROR(context.Checkpoint());
    }
    return Result("r");
  }));
  JobRequest other = TrivialRequest();
  other.owner = "bob";
  rig.Submit(std::move(other));
  while (rig.RunNext()) {
  }
  EXPECT_EQ(turns, 1);  // of 103 seconds, 15 of which go by before the first event
}

TEST(JobTurnsTest, JobRunsOnWhileNobodyElseWaits) {
  JobRig rig({.turn = absl::Seconds(1)});
  const std::string id = rig.Submit(RequestOf([&](JobContext& context) -> absl::StatusOr<JobOutcome> {
                              EXPECT_TRUE(context.past_events().empty());
                              for (int i = 0; i < 5; ++i) {
                                rig.clocks.Advance(absl::Seconds(25));
                                context.Emit("e", "p", absl::ZeroDuration());
                                RETURN_IF_ERROR(context.Checkpoint());
                              }
                              return Result("r");
                            }))
                             .id;
  rig.Submit(TrivialRequest());  // of the same user
  rig.RunNext();
  EXPECT_EQ(rig.Get(id).state, JobState::kSucceeded);
}

TEST(JobTurnsTest, TimeThatOthersAreLetInForIsNotTheJobs) {
  JobRig rig({.turn = absl::Seconds(60)});
  rig.Submit(RequestOf([&](JobContext& context) -> absl::StatusOr<JobOutcome> {
    EXPECT_TRUE(context.Checkpoint().ok());
    context.Emit("e", "p", absl::ZeroDuration());
    EXPECT_TRUE(context.Checkpoint().ok());
    return Result("r");
  }));
  JobRequest other = TrivialRequest();
  other.owner = "bob";
  rig.Submit(std::move(other));
  rig.manager->RunNext("cpu", [&rig] { rig.clocks.Advance(absl::Seconds(1000)); });
}

}  // namespace
}  // namespace circuitd
