#include "server/jobs/job_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "absl/time/clock.h"
#include "base/sha256.h"
#include "base/status.h"
#include "server/jobs/queue_full.h"
#include "tests/unit/jobs/job_test_util.h"

namespace circuitd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(JobManagerTest, RunsJobToItsResult) {
  JobRig rig;
  const JobRecord queued = rig.Submit(RequestOf([](JobContext& context) -> absl::StatusOr<JobOutcome> {
    context.Emit("event", "progress");
    return JobOutcome{"result", {{"a.json", "application/json", "{}"}}};
  }));
  EXPECT_EQ(queued.state, JobState::kQueued);
  EXPECT_EQ(queued.last_sequence, 1u);
  EXPECT_THAT(rig.woken, ElementsAre("cpu"));
  EXPECT_TRUE(rig.RunNext());
  EXPECT_FALSE(rig.RunNext());
  const JobRecord ended = rig.Get(queued.id);
  EXPECT_EQ(ended.state, JobState::kSucceeded);
  EXPECT_EQ(ended.result, "result");
  EXPECT_EQ(ended.progress, "progress");
  EXPECT_EQ(ended.last_sequence, 4u);  // queued, running, event, succeeded
  EXPECT_GE(ended.started, ended.created);
  EXPECT_GE(ended.ended, ended.started);
  ASSERT_EQ(ended.artifacts.size(), 1u);
  EXPECT_EQ(ended.artifacts[0].sha256, Sha256Hex("{}"));
  EXPECT_EQ(ended.artifacts[0].size_bytes, 2);
  EXPECT_EQ(*rig.manager.GetArtifact(queued.id, "a.json")->second, "{}");
  EXPECT_THAT(rig.changes, ElementsAre(queued.id + " queued", queued.id + " running", queued.id + " succeeded"));
}

TEST(JobManagerTest, RejectsJobWhenFull) {
  JobRig rig({.max_queued_jobs = 1, .max_ended_jobs = 8});
  EXPECT_TRUE(rig.manager.CheckRoom().ok());
  rig.Submit(TrivialRequest());
  const absl::Status status = rig.manager.Submit(TrivialRequest()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("max_queued_jobs is 1"));
  EXPECT_TRUE(IsQueueFull(status));
  EXPECT_EQ(rig.manager.CheckRoom(), status);
  EXPECT_TRUE(rig.RunNext());
  EXPECT_TRUE(rig.manager.Submit(TrivialRequest()).ok());
}

TEST(JobManagerTest, RunsByPriorityAndSaysPositions) {
  JobRig rig;
  const std::string first = rig.Submit(TrivialRequest()).id;
  JobRequest urgent = TrivialRequest();
  urgent.priority = 10;
  const std::string second = rig.Submit(std::move(urgent)).id;
  EXPECT_EQ(rig.manager.Get(first)->queue_position, 1u);
  EXPECT_EQ(rig.manager.Get(second)->queue_position, 0u);
  rig.RunNext();
  EXPECT_EQ(rig.Get(second).state, JobState::kSucceeded);
  EXPECT_EQ(rig.manager.Get(first)->queue_position, 0u);
}

TEST(JobManagerTest, CancelledQueuedJobNeverRuns) {
  JobRig rig;
  const std::string id = rig.Submit(RequestOf([](JobContext&) -> absl::StatusOr<JobOutcome> {
                              ADD_FAILURE();
                              return Result("");
                            }))
                             .id;
  EXPECT_EQ(rig.manager.Cancel(id)->record.state, JobState::kCancelled);
  EXPECT_FALSE(rig.RunNext());
  EXPECT_TRUE(absl::IsCancelled(rig.Get(id).error));
  EXPECT_EQ(rig.manager.Cancel(id).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(JobManagerTest, CancelledRunningJobStopsAtItsNextCheckpoint) {
  JobRig rig;
  std::promise<void> began;
  const std::string id = rig.Submit(EndlessRequest(began)).id;
  std::thread worker([&] { rig.RunNext(); });
  began.get_future().wait();
  EXPECT_TRUE(rig.manager.Cancel(id).ok());
  worker.join();
  EXPECT_EQ(rig.Get(id).state, JobState::kCancelled);
}

TEST(JobManagerTest, CancelHoldsEvenAfterTheLastCheckpoint) {
  JobRig rig;
  std::string id;
  id = rig.Submit(RequestOf([&](JobContext&) -> absl::StatusOr<JobOutcome> {
            EXPECT_TRUE(rig.manager.Cancel(id).ok());
            return Result("too late");
          }))
           .id;
  rig.RunNext();
  EXPECT_EQ(rig.Get(id).state, JobState::kCancelled);
}

TEST(JobManagerTest, CheckpointLetsOthersIn) {
  JobRig rig;
  int others = 0;
  rig.Submit(RequestOf([](JobContext& context) -> absl::StatusOr<JobOutcome> {
    EXPECT_TRUE(context.Checkpoint().ok());
    EXPECT_TRUE(context.Checkpoint().ok());
    return Result("");
  }));
  rig.manager.RunNext("cpu", [&others] { ++others; });
  EXPECT_EQ(others, 2);
}

TEST(JobManagerTest, QueuedJobFailsAtItsDeadline) {
  JobRig rig;
  JobRequest request = TrivialRequest();
  request.deadline = absl::Now() + absl::Milliseconds(20);
  const std::string id = rig.Submit(std::move(request)).id;
  std::promise<void> changed;
  const auto watch = rig.manager.Watch(id, 1, [&changed] { changed.set_value(); }).value();
  changed.get_future().wait();
  const JobRecord record = rig.Get(id);
  EXPECT_EQ(record.state, JobState::kFailed);
  EXPECT_TRUE(absl::IsDeadlineExceeded(record.error));
  EXPECT_FALSE(rig.RunNext());
}

TEST(JobManagerTest, RunningJobFailsAtItsDeadline) {
  JobRig rig;
  std::promise<void> began;
  JobRequest request = EndlessRequest(began);
  request.deadline = absl::Now() + absl::Milliseconds(200);
  const std::string id = rig.Submit(std::move(request)).id;
  rig.RunNext();
  EXPECT_EQ(rig.Get(id).state, JobState::kFailed);
  EXPECT_TRUE(absl::IsDeadlineExceeded(rig.Get(id).error));
}

TEST(JobManagerTest, ErrorsAndExceptionsOfTheBodyFailTheJob) {
  JobRig rig;
  const std::string failing =
      rig.Submit(RequestOf([](JobContext&) -> absl::StatusOr<JobOutcome> { return absl::DataLossError("bad"); })).id;
  const std::string throwing =
      rig.Submit(RequestOf([](JobContext&) -> absl::StatusOr<JobOutcome> { throw std::runtime_error("boom"); })).id;
  rig.RunNext();
  rig.RunNext();
  EXPECT_EQ(rig.Get(failing).error, absl::DataLossError("bad"));
  EXPECT_EQ(rig.Get(throwing).error.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(rig.Get(throwing).state, JobState::kFailed);
}

TEST(JobManagerTest, SameRequestIdReturnsTheSameJob) {
  JobRig rig;
  const auto request = [](const char* owner, const char* fingerprint) {
    JobRequest request = TrivialRequest();
    request.owner = owner;
    request.request_id = "r1";
    request.request_fingerprint = fingerprint;
    return request;
  };
  const std::string id = rig.Submit(request("ann", "f")).id;
  EXPECT_EQ(rig.Submit(request("ann", "f")).id, id);
  EXPECT_NE(rig.Submit(request("bob", "f")).id, id);
  EXPECT_EQ((*rig.manager.FindRequest(request("ann", "f")))->record.id, id);
  EXPECT_EQ(*rig.manager.FindRequest(request("cyd", "f")), std::nullopt);
  const absl::Status other = rig.manager.Submit(request("ann", "g")).status();
  EXPECT_EQ(other.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(FieldOf(other), "request_id");
  ASSERT_TRUE(rig.manager.Cancel(id).ok());
  ASSERT_TRUE(rig.manager.Delete(id).ok());
  EXPECT_NE(rig.Submit(request("ann", "g")).id, id);
}

TEST(JobManagerTest, ForgetsTheOldestEndedJobs) {
  JobRig rig({.max_queued_jobs = 8, .max_ended_jobs = 2});
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(rig.Submit(TrivialRequest()).id);
    rig.RunNext();
  }
  EXPECT_EQ(rig.manager.Get(ids[0]).status().code(), absl::StatusCode::kNotFound);
  const std::vector<JobView> listed = rig.manager.List();
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(listed[0].record.id, ids[2]);
  EXPECT_EQ(listed[1].record.id, ids[1]);
}

TEST(JobManagerTest, DeletesOnlyEndedJobs) {
  JobRig rig;
  const std::string id = rig.Submit(TrivialRequest()).id;
  EXPECT_EQ(rig.manager.Delete(id).code(), absl::StatusCode::kFailedPrecondition);
  rig.RunNext();
  EXPECT_TRUE(rig.manager.Delete(id).ok());
  EXPECT_EQ(rig.manager.Delete(id).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(rig.manager.Get(id).status().code(), absl::StatusCode::kNotFound);
}

TEST(JobManagerTest, ArtifactsAreNotFoundUntilTheJobHasSucceeded) {
  JobRig rig;
  const std::string id = rig.Submit(TrivialRequest()).id;
  EXPECT_THAT(std::string(rig.manager.GetArtifact(id, "a").status().message()), HasSubstr("queued"));
  rig.RunNext();
  const absl::Status status = rig.manager.GetArtifact(id, "a").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(FieldOf(status), "artifact");
}

TEST(JobManagerTest, StopAcceptingCancelsQueuedJobsAndRefusesNewOnes) {
  JobRig rig;
  const std::string id = rig.Submit(TrivialRequest()).id;
  rig.manager.StopAccepting();
  EXPECT_EQ(rig.Get(id).state, JobState::kCancelled);
  EXPECT_EQ(rig.manager.Submit(TrivialRequest()).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(rig.RunNext());
}

TEST(JobManagerTest, CancelRunningLetsWaitUntilNoneRunsReturn) {
  JobRig rig;
  std::promise<void> began;
  rig.Submit(EndlessRequest(began));
  std::thread worker([&] { rig.RunNext(); });
  began.get_future().wait();
  EXPECT_FALSE(rig.manager.WaitUntilNoneRuns(absl::Now()));
  rig.manager.CancelRunning();
  EXPECT_TRUE(rig.manager.WaitUntilNoneRuns(absl::InfiniteFuture()));
  worker.join();
}

}  // namespace
}  // namespace circuitd
