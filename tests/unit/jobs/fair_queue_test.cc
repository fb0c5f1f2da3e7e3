#include "server/jobs/fair_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace circuitd {
namespace {

using testing::ElementsAre;

// A queue whose jobs take the time that they are estimated to take: no clock but what is charged.
class FairQueueTest : public testing::Test {
 protected:
  void Reset(FairQueue::Options options) { queue_ = std::make_unique<FairQueue>(std::move(options)); }
  void Push(const std::string& id, const std::string& owner, double seconds = 1, int priority = 0,
            const std::string& device = "cpu") {
    queue_->Push({id, device, owner, priority, ++number_, absl::Seconds(seconds)});
  }
  // Runs the next job to its end.
  std::string RunNext() {
    const auto job = queue_->Pop("cpu");
    if (!job) return "";
    queue_->Charge(job->owner, job->estimate);
    queue_->Stopped(*job);
    return job->id;
  }
  std::vector<std::string> RunAll() {
    std::vector<std::string> ids;
    for (std::string id = RunNext(); !id.empty(); id = RunNext()) ids.push_back(id);
    return ids;
  }
  std::vector<std::string> PlannedIds() const {
    std::vector<std::string> ids;
    for (const auto& planned : queue_->Plan("cpu", std::nullopt)) ids.push_back(planned.id);
    return ids;
  }

  std::unique_ptr<FairQueue> queue_ = std::make_unique<FairQueue>(FairQueue::Options());
  uint64_t number_ = 0;
};

TEST_F(FairQueueTest, RunsAUsersJobsByPriorityThenAge) {
  Push("old", "ann");
  Push("young", "ann");
  Push("urgent", "ann", 1, 5);
  Push("idle", "ann", 1, -5);
  EXPECT_THAT(RunAll(), ElementsAre("urgent", "old", "young", "idle"));
}

TEST_F(FairQueueTest, UsersTakeTurnsHoweverManyJobsOneHasSubmitted) {
  for (const char* id : {"a1", "a2", "a3"}) Push(id, "ann");
  Push("b1", "bob");
  Push("c1", "cyd");
  EXPECT_THAT(RunAll(), ElementsAre("a1", "b1", "c1", "a2", "a3"));
}

TEST_F(FairQueueTest, PrioritiesSayNothingToOtherUsers) {
  Push("a1", "ann");
  Push("a2", "ann");
  Push("b1", "bob", 1, 100);
  Push("b2", "bob", 1, 100);
  EXPECT_THAT(RunAll(), ElementsAre("a1", "b1", "a2", "b2"));
}

TEST_F(FairQueueTest, SharesTimeNotJobs) {
  Push("a1", "ann", 10);
  Push("a2", "ann", 10);
  for (const char* id : {"b1", "b2", "b3", "b4"}) Push(id, "bob", 4);
  EXPECT_THAT(RunAll(), ElementsAre("a1", "b1", "b2", "b3", "a2", "b4"));
}

TEST_F(FairQueueTest, TimeIsSharedByWeightInTheLongRun) {
  Reset({.weights = {{"ann", 3}, {"bob", 1}, {"cyd", 0.5}}});
  std::mt19937 random(1);
  std::uniform_real_distribution<double> seconds(0.5, 20);
  std::map<std::string, double> had;
  const std::vector<std::string> users = {"ann", "bob", "cyd"};
  for (const std::string& user : users) Push(user, user, seconds(random));
  for (int i = 0; i < 3000; ++i) {
    const auto job = queue_->Pop("cpu");
    ASSERT_TRUE(job);
    queue_->Charge(job->owner, job->estimate);
    had[job->owner] += absl::ToDoubleSeconds(job->estimate);
    // The next one comes while this one runs: nobody is ever without work.
    Push(job->owner + std::to_string(i), job->owner, seconds(random));
    queue_->Stopped(*job);
  }
  EXPECT_NEAR(had["ann"] / had["bob"], 3, 0.1);
  EXPECT_NEAR(had["bob"] / had["cyd"], 2, 0.1);
}

TEST_F(FairQueueTest, WhatAUserDoesNotUseIsNotSavedUp) {
  Push("a1", "ann", 100);
  Push("a2", "ann", 100);
  RunNext();
  // Bob comes late: from now on both have the same, and Ann does not wait until he has had her hundred seconds.
  for (const char* id : {"b1", "b2", "b3"}) Push(id, "bob", 10);
  EXPECT_THAT(RunAll(), ElementsAre("a2", "b1", "b2", "b3"));
}

TEST_F(FairQueueTest, LeavingForAMomentPaysNoDebt) {
  Push("a1", "ann", 100);
  Push("b1", "bob", 10);
  Push("b2", "bob", 10);
  EXPECT_EQ(RunNext(), "a1");
  // Ann has nothing waiting now, and comes again.
  Push("a2", "ann", 10);
  EXPECT_THAT(RunAll(), ElementsAre("b1", "b2", "a2"));
}

TEST_F(FairQueueTest, StartsAgainWithoutDebtsWhenNobodyIsThere) {
  Push("a1", "ann", 100);
  RunAll();
  Push("a2", "ann", 100);
  Push("b1", "bob", 100);
  EXPECT_THAT(RunAll(), ElementsAre("a2", "b1"));
}

TEST_F(FairQueueTest, JobsOverTheLimitOfRunningOnesWait) {
  Reset({.max_running_per_user = 1});
  Push("a1", "ann", 1, 0, "cuda:0");
  Push("a2", "ann", 1, 0, "cuda:1");
  Push("b1", "bob", 1, 0, "cuda:1");
  const auto first = queue_->Pop("cuda:0");
  EXPECT_EQ(first->id, "a1");
  EXPECT_EQ(queue_->Pop("cuda:1")->id, "b1");
  EXPECT_EQ(queue_->Pop("cuda:1"), std::nullopt);
  queue_->Stopped(*first);
  EXPECT_EQ(queue_->Pop("cuda:1")->id, "a2");
}

TEST_F(FairQueueTest, RunningJobYieldsToWhoHasHadLess) {
  Push("a1", "ann", 100);
  const auto running = queue_->Pop("cpu");
  EXPECT_FALSE(queue_->ShouldYield(*running));
  queue_->Charge("ann", absl::Seconds(60));
  Push("b1", "bob");
  // Bob begins at Ann's time: nobody has had less yet.
  EXPECT_FALSE(queue_->ShouldYield(*running));
  queue_->Charge("ann", absl::Seconds(1));
  EXPECT_TRUE(queue_->ShouldYield(*running));
}

TEST_F(FairQueueTest, RunningJobYieldsToItsOwnersMoreUrgentOne) {
  Reset({.max_running_per_user = 1});
  Push("a1", "ann", 100);
  const auto running = queue_->Pop("cpu");
  Push("a2", "ann");
  EXPECT_FALSE(queue_->ShouldYield(*running));
  Push("a3", "ann", 1, 1);
  EXPECT_TRUE(queue_->ShouldYield(*running));
}

TEST_F(FairQueueTest, JobOfAnotherDeviceIsNoReasonToYield) {
  Push("a1", "ann", 100);
  const auto running = queue_->Pop("cpu");
  Push("b1", "bob", 1, 0, "cuda:0");
  queue_->Charge("ann", absl::Seconds(60));
  EXPECT_FALSE(queue_->ShouldYield(*running));
}

TEST_F(FairQueueTest, PlansTheOrderInWhichJobsThenRun) {
  std::mt19937 random(2);
  for (int round = 0; round < 20; ++round) {
    Reset({.weights = {{"u0", 2}}});
    for (int i = 0; i < 30; ++i) {
      Push("j" + std::to_string(i), "u" + std::to_string(random() % 4), 1 + random() % 9, random() % 3);
    }
    const std::vector<std::string> planned = PlannedIds();
    EXPECT_EQ(planned, RunAll());
    EXPECT_EQ(planned.size(), 30u);
  }
}

TEST_F(FairQueueTest, PlanSaysWhenJobsBeginAsLongAsThatIsKnown) {
  Push("a1", "ann", 5);
  Push("a2", "ann", 0);
  Push("a3", "ann", 3);
  const auto plan = queue_->Plan("cpu", FairQueue::Running{"bob", absl::Seconds(2)});
  ASSERT_EQ(plan.size(), 3u);
  EXPECT_EQ(plan[0].begins_in, absl::Seconds(2));
  EXPECT_EQ(plan[1].begins_in, absl::Seconds(7));
  EXPECT_EQ(plan[2].begins_in, std::nullopt);
  EXPECT_EQ(queue_->Plan("cpu", std::nullopt)[0].begins_in, absl::ZeroDuration());
  EXPECT_EQ(queue_->Plan("cpu", FairQueue::Running{"bob", std::nullopt})[0].begins_in, std::nullopt);
  EXPECT_TRUE(queue_->Plan("cuda:0", std::nullopt).empty());
}

TEST_F(FairQueueTest, PlanCountsWhatRunsNowAsItsOwners) {
  Push("a1", "ann", 5);
  Push("b1", "bob", 5);
  EXPECT_THAT(PlannedIds(), ElementsAre("a1", "b1"));
  const auto plan = queue_->Plan("cpu", FairQueue::Running{"ann", absl::Seconds(2)});
  EXPECT_EQ(plan[0].id, "b1");
  EXPECT_EQ(plan[1].begins_in, absl::Seconds(7));
}

TEST_F(FairQueueTest, RemovedJobsAreNotTaken) {
  Push("a", "ann");
  Push("b", "ann");
  EXPECT_TRUE(queue_->Remove("a"));
  EXPECT_FALSE(queue_->Remove("a"));
  EXPECT_FALSE(queue_->Waits("a"));
  EXPECT_TRUE(queue_->Waits("b"));
  EXPECT_THAT(queue_->devices(), ElementsAre("cpu"));
  EXPECT_THAT(RunAll(), ElementsAre("b"));
  EXPECT_TRUE(queue_->devices().empty());
}

}  // namespace
}  // namespace circuitd
