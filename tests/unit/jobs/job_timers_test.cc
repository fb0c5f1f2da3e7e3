// What happens to jobs because time passes; the clocks are the tests'.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "tests/unit/jobs/job_test_util.h"

namespace circuitd {
namespace {

using testing::HasSubstr;

std::string EndedJob(JobRig& rig) {
  const std::string id = rig.Submit(RequestOf(CountingBody(1))).id;
  rig.RunNext();
  return id;
}

JobRequest UnwatchedRequest() {
  JobRequest request = TrivialRequest();
  request.cancel_unwatched = true;
  return request;
}

TEST(JobTimersTest, ForgetsEndedJobsThatAreOldEnough) {
  JobRig rig({.retention_age = absl::Hours(24)});
  const std::string old = EndedJob(rig);
  rig.clocks.Advance(absl::Hours(23));
  const std::string young = EndedJob(rig);
  const std::string waiting = rig.Submit(TrivialRequest()).id;
  rig.manager->Tick();
  EXPECT_TRUE(rig.manager->Get(old).ok());
  rig.clocks.Advance(absl::Hours(2));
  rig.manager->Tick();
  EXPECT_TRUE(absl::IsNotFound(rig.manager->Get(old).status()));
  EXPECT_TRUE(rig.manager->Get(young).ok());
  EXPECT_TRUE(rig.manager->Get(waiting).ok());
  // The younger one has the same file.
  EXPECT_EQ(rig.ReadArtifact(young, "count.txt"), "1");
}

TEST(JobTimersTest, ForgetsTheOldestWhenAllTogetherTakeTooMuch) {
  JobRig rig({.retention_bytes = 25'000});
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) {
    ids.push_back(rig.Submit(RequestOf([i](JobContext&) -> absl::StatusOr<JobOutcome> {
                       return JobOutcome{"r", {{"a", "text/plain", std::string(10'000, static_cast<char>('a' + i))}}};
                     }))
                      .id);
    rig.RunNext();
    rig.clocks.Advance(absl::Seconds(1));
  }
  rig.manager->Tick();
  EXPECT_TRUE(absl::IsNotFound(rig.manager->Get(ids[0]).status()));
  EXPECT_TRUE(absl::IsNotFound(rig.manager->Get(ids[1]).status()));
  EXPECT_TRUE(rig.manager->Get(ids[2]).ok());
  EXPECT_TRUE(rig.manager->Get(ids[3]).ok());
  size_t files = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(rig.folder.File("artifacts"))) ++files;
  EXPECT_EQ(files, 2u);
}

TEST(JobTimersTest, ClockThatIsSetBackForgetsNothingAndLosesNothing) {
  JobRig rig({.retention_age = absl::Hours(24)});
  const std::string ended = EndedJob(rig);
  JobRequest request = TrivialRequest();
  request.deadline = rig.clocks.Now() + absl::Hours(1);
  const std::string waiting = rig.Submit(std::move(request)).id;
  rig.clocks.Set(rig.clocks.Now() - absl::Hours(24 * 365));
  rig.manager->Tick();
  EXPECT_TRUE(rig.manager->Get(ended).ok());
  const std::string later = rig.Submit(TrivialRequest()).id;
  // Lists go by age, whatever the clock says.
  EXPECT_EQ(rig.manager->List({})->front().record.id, later);
  rig.RunNext();
  const JobRecord record = rig.Get(waiting);
  EXPECT_EQ(record.state, JobState::kSucceeded);
  EXPECT_GE(record.started, record.created);
  EXPECT_GE(record.ended, record.started);
}

TEST(JobTimersTest, CancelsJobThatNobodyBeginsToWatch) {
  JobRig rig;
  const std::string id = rig.Submit(UnwatchedRequest()).id;
  rig.clocks.Advance(absl::Seconds(29));
  rig.manager->Tick();
  EXPECT_EQ(rig.Get(id).state, JobState::kQueued);
  rig.clocks.Advance(absl::Seconds(2));
  rig.manager->Tick();
  EXPECT_EQ(rig.Get(id).state, JobState::kCancelled);
  EXPECT_THAT(std::string(rig.Get(id).error.message()), HasSubstr("nobody watched"));
}

TEST(JobTimersTest, CancelsJobSoonAfterItsLastWatcherHasGone) {
  JobRig rig;
  const std::string id = rig.Submit(UnwatchedRequest()).id;
  auto first = rig.manager->Watch(id, 0, [] {}).value();
  auto second = rig.manager->Watch(id, 0, [] {}).value();
  first.reset();
  rig.clocks.Advance(absl::Hours(1));
  rig.manager->Tick();
  EXPECT_EQ(rig.Get(id).state, JobState::kQueued);
  second.reset();
  rig.clocks.Advance(absl::Seconds(1));
  rig.manager->Tick();
  EXPECT_EQ(rig.Get(id).state, JobState::kQueued);
  // One that comes back in time is welcome.
  second = rig.manager->Watch(id, 0, [] {}).value();
  rig.clocks.Advance(absl::Hours(1));
  rig.manager->Tick();
  EXPECT_EQ(rig.Get(id).state, JobState::kQueued);
  second.reset();
  rig.clocks.Advance(absl::Seconds(2));
  rig.manager->Tick();
  EXPECT_EQ(rig.Get(id).state, JobState::kCancelled);
}

TEST(JobTimersTest, StopsRunningJobThatNobodyWatchesAnyMore) {
  JobRig rig;
  std::unique_ptr<JobWatch> watch;
  JobRequest request = RequestOf([&](JobContext& context) -> absl::StatusOr<JobOutcome> {
    EXPECT_TRUE(context.Checkpoint().ok());
    watch.reset();
    rig.clocks.Advance(absl::Seconds(2));
    rig.manager->Tick();
    EXPECT_TRUE(absl::IsCancelled(context.Checkpoint()));
    return context.Checkpoint();
  });
  request.cancel_unwatched = true;
  const std::string id = rig.Submit(std::move(request)).id;
  watch = rig.manager->Watch(id, 0, [] {}).value();
  rig.RunNext();
  EXPECT_EQ(rig.Get(id).state, JobState::kCancelled);
}

TEST(JobTimersTest, LeavesJobsAloneThatWantNoWatcher) {
  JobRig rig;
  const std::string id = rig.Submit(TrivialRequest()).id;
  rig.manager->Watch(id, 0, [] {}).value().reset();
  rig.clocks.Advance(absl::Hours(1));
  rig.manager->Tick();
  EXPECT_EQ(rig.Get(id).state, JobState::kQueued);
}

TEST(JobTimersTest, WatchesThatTheServerEndsCancelNothing) {
  JobRig rig;
  const std::string id = rig.Submit(UnwatchedRequest()).id;
  auto watch = rig.manager->Watch(id, 0, [] {}).value();
  rig.manager->StopAccepting();
  watch.reset();
  rig.clocks.Advance(absl::Minutes(1));
  rig.manager->Tick();
  EXPECT_EQ(rig.Get(id).state, JobState::kQueued);
}

TEST(JobTimersTest, SaysHowLongUntilSomethingIsDue) {
  JobRig rig;
  rig.manager->Tick();
  EXPECT_EQ(rig.manager->Tick(), absl::Minutes(1));
  JobRequest request = TrivialRequest();
  request.deadline = rig.clocks.Now() + absl::Seconds(5);
  rig.Submit(std::move(request));
  EXPECT_EQ(rig.manager->Tick(), absl::Seconds(5));
}

}  // namespace
}  // namespace circuitd
