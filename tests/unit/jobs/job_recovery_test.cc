// What becomes of jobs when their manager ends and another one begins with the same store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <thread>

#include "base/sha256.h"
#include "base/status.h"
#include "tests/unit/jobs/job_test_util.h"

namespace circuitd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The events' states and payloads, as words.
std::vector<std::string> Events(JobRig& rig, const std::string& id, uint64_t after = 0) {
  std::vector<std::string> words;
  const auto watch = rig.manager->Watch(id, after, [] {}).value();
  for (auto item = watch->Next().value(); item.kind != JobWatch::Item::Kind::kNothingYet;
       item = watch->Next().value()) {
    if (item.kind == JobWatch::Item::Kind::kEnd) return words;
    if (!item.event) continue;
    words.push_back(item.event->state ? std::string(JobStateName(*item.event->state)) : item.event->payload);
  }
  return words;
}

// Stops after `events`, as if the process had ended there: nothing more reaches the store.
void RunUntil(JobRig& rig, int events) {
  rig.Submit(RequestOf([events](JobContext& context) -> absl::StatusOr<JobOutcome> {
    for (int i = 0; i < events; ++i) context.Emit("e" + std::to_string(i), "p", absl::ZeroDuration());
    return absl::AbortedError("paused");
  }));
  rig.RunNext();
}

TEST(JobRecoveryTest, QueuedJobsWaitForTheirBodiesAndRunInTheirOrder) {
  JobRig rig;
  const std::string first = rig.Submit(TrivialRequest()).id;
  const std::string second = rig.Submit(TrivialRequest()).id;
  const std::vector<JobRecord> left = rig.Restart();
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[0].id, first);
  EXPECT_EQ(left[1].id, second);
  EXPECT_EQ(*rig.manager->Input(first), "input");
  EXPECT_FALSE(rig.RunNext());
  EXPECT_THAT(rig.manager->Get(first)->held_back_by, HasSubstr("restarted"));
  rig.manager->Provide(second, CountingBody(1));
  rig.manager->Provide(first, CountingBody(1));
  EXPECT_EQ(rig.manager->Get(first)->held_back_by, "");
  rig.RunNext();
  EXPECT_EQ(rig.Get(first).state, JobState::kSucceeded);
  EXPECT_EQ(rig.Get(second).state, JobState::kQueued);
  // Its input served its purpose.
  EXPECT_FALSE(rig.manager->Input(first).ok());
}

TEST(JobRecoveryTest, RunningJobGoesOnAfterItsLastEvent) {
  JobRig rig;
  RunUntil(rig, 3);
  const std::string id = rig.Restart()[0].id;
  std::vector<std::string> past;
  std::string past_progress;
  rig.manager->Provide(id, JobBody([&](JobContext& context) -> absl::StatusOr<JobOutcome> {
                         past = context.past_events();
                         past_progress = context.past_progress();
                         return CountingBody(5)(context);
                       }));
  rig.RunNext();
  EXPECT_THAT(past, ElementsAre("e0", "e1", "e2"));
  EXPECT_EQ(past_progress, "p");
  EXPECT_THAT(rig.Payloads(id), ElementsAre("e0", "e1", "e2", "e3", "e4"));
  EXPECT_EQ(rig.Get(id).state, JobState::kSucceeded);
  EXPECT_EQ(rig.ReadArtifact(id, "count.txt"), "5");
}

TEST(JobRecoveryTest, JobThatWasRunningIsQueuedAgainAndSaysSo) {
  const client::TempFolder folder;
  // As a killed process leaves it: running in the store, with nobody who runs it.
  JobRecord record;
  record.id = "aaaaaaaaaaaa";
  record.device = "cpu";
  {
    const auto store = OpenSqliteJobStore(folder.File("jobs")).value();
    const JobEvent queued{++record.last_sequence, absl::Now(), JobState::kQueued, ""};
    ASSERT_TRUE(store->Insert(record, {queued}, "input").ok());
    record.state = JobState::kRunning;
    record.started = absl::Now();
    ASSERT_TRUE(store->Update(record, {++record.last_sequence, absl::Now(), JobState::kRunning, ""}).ok());
    ASSERT_TRUE(store->Update(record, {++record.last_sequence, absl::Now(), std::nullopt, "e0"}).ok());
  }
  JobManager manager({}, OpenSqliteJobStore(folder.File("jobs")).value(),
                     ArtifactFolder::Open(folder.File("artifacts")).value(), {});
  ASSERT_EQ(*manager.Recover(), 1u);
  const JobRecord recovered = manager.Get(record.id)->record;
  EXPECT_EQ(recovered.state, JobState::kQueued);
  EXPECT_EQ(recovered.last_sequence, 4u);
  EXPECT_EQ(recovered.started, record.started);
  manager.Provide(record.id, CountingBody(2));
  EXPECT_TRUE(manager.RunNext("cpu", nullptr));
  EXPECT_EQ(manager.Get(record.id)->record.state, JobState::kSucceeded);
  EXPECT_EQ(manager.Get(record.id)->record.last_sequence, 7u);
}

TEST(JobRecoveryTest, WatchGoesOnOverARestartWithoutGapOrRepeat) {
  JobRig rig;
  RunUntil(rig, 2);
  const std::string id = rig.manager->List({})->front().record.id;
  EXPECT_THAT(Events(rig, id), ElementsAre("queued", "running", "e0", "e1", "queued"));
  rig.Restart();
  rig.manager->Provide(id, CountingBody(3));
  rig.RunNext();
  EXPECT_THAT(Events(rig, id, 4), ElementsAre("queued", "running", "e2", "succeeded"));
}

TEST(JobRecoveryTest, JobWhoseBodyCannotBeMadeFails) {
  JobRig rig;
  const std::string id = rig.Submit(TrivialRequest()).id;
  rig.Restart();
  rig.manager->Provide(id, absl::NotFoundError("no such model"));
  EXPECT_EQ(rig.Get(id).state, JobState::kFailed);
  EXPECT_EQ(rig.Get(id).error, absl::NotFoundError("no such model"));
}

TEST(JobRecoveryTest, BodyThatCannotBeHadNowIsAskedForAgain) {
  JobRig rig;
  const std::string id = rig.Submit(TrivialRequest()).id;
  rig.Restart();
  rig.manager->Postpone(id, "the memory is full");
  EXPECT_EQ(rig.manager->Get(id)->held_back_by, "the memory is full");
  EXPECT_EQ(rig.Get(id).state, JobState::kQueued);
  rig.clocks.Advance(absl::Seconds(1));
  rig.manager->Tick();
  {
    MutexLock lock(rig.mutex);
    while (rig.to_prepare.size() < 2) rig.prepared.Wait(rig.mutex);
    EXPECT_EQ(rig.to_prepare[1].id, id);
  }
  rig.manager->Provide(id, CountingBody(1));
  EXPECT_TRUE(rig.RunNext());
  EXPECT_EQ(rig.Get(id).state, JobState::kSucceeded);
}

TEST(JobRecoveryTest, AsksForOneBodyAfterTheOtherOldestFirst) {
  JobRig rig;
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(rig.Submit(TrivialRequest()).id);
  rig.Restart();
  for (size_t i = 0; i < ids.size(); ++i) {
    rig.manager->Tick();
    {
      MutexLock lock(rig.mutex);
      while (rig.to_prepare.size() <= i) rig.prepared.Wait(rig.mutex);
      EXPECT_EQ(rig.to_prepare.size(), i + 1);
      EXPECT_EQ(rig.to_prepare[i].id, ids[i]);
    }
    rig.manager->Provide(ids[i], CountingBody(1));
  }
}

TEST(JobRecoveryTest, JobsThatLackTheirBodiesCountAsTheirUsers) {
  JobRig rig({.max_queued_jobs_per_user = 2});
  rig.Submit(TrivialRequest());
  rig.Submit(TrivialRequest());
  rig.Restart();
  EXPECT_TRUE(absl::IsResourceExhausted(rig.manager->Submit(TrivialRequest()).status()));
  EXPECT_EQ(rig.manager->queued_jobs(), 2);
}

TEST(JobRecoveryTest, JobCancelledWhileItWaitsForItsBodyDoesNotRun) {
  JobRig rig;
  const std::string id = rig.Submit(TrivialRequest()).id;
  rig.Restart();
  EXPECT_TRUE(rig.manager->Cancel(id).ok());
  rig.manager->Provide(id, CountingBody(1));
  EXPECT_FALSE(rig.RunNext());
  EXPECT_EQ(rig.Get(id).state, JobState::kCancelled);
}

TEST(JobRecoveryTest, RequestIdsResultsAndArtifactsOutliveARestart) {
  JobRig rig;
  JobRequest request = RequestOf(CountingBody(2));
  request.request_id = "r";
  request.request_fingerprint = "f";
  request.result_key = "key";
  JobRequest same = request, equal = request;
  equal.request_id = "other";
  const std::string id = rig.Submit(std::move(request)).id;
  rig.RunNext();
  EXPECT_THAT(rig.Restart(), IsEmpty());
  EXPECT_EQ(rig.Submit(std::move(same)).id, id);
  EXPECT_EQ(rig.Submit(std::move(equal)).same_as, id);
  EXPECT_EQ(rig.ReadArtifact(id, "count.txt"), "2");
}

TEST(JobRecoveryTest, DeadlinesGoOnWhileTheServerIsAway) {
  JobRig rig;
  JobRequest request = TrivialRequest();
  request.deadline = rig.clocks.Now() + absl::Minutes(1);
  const std::string id = rig.Submit(std::move(request)).id;
  rig.manager.reset();
  rig.clocks.Advance(absl::Hours(1));
  EXPECT_EQ(rig.StartAgain(), 1u);
  rig.manager->Tick();
  EXPECT_TRUE(absl::IsDeadlineExceeded(rig.Get(id).error));
}

TEST(JobRecoveryTest, FilesThatNoJobHasAreRemoved) {
  JobRig rig;
  const std::string id = rig.Submit(RequestOf(CountingBody(1))).id;
  rig.RunNext();
  const std::string orphan = "artifacts/" + Sha256Hex("orphan");
  rig.folder.Write(orphan, "orphan");
  rig.Restart();
  EXPECT_FALSE(rig.folder.Has(orphan));
  EXPECT_EQ(rig.ReadArtifact(id, "count.txt"), "1");
}

TEST(JobRecoveryTest, PausedJobsWaitForTheNextManager) {
  JobRig rig;
  std::promise<void> began;
  const std::string running = rig.Submit(EndlessRequest(began)).id;
  const std::string waiting = rig.Submit(TrivialRequest()).id;
  std::thread worker([&] { rig.RunNext(); });
  began.get_future().wait();
  rig.manager->StopAccepting();
  EXPECT_EQ(rig.manager->Submit(TrivialRequest()).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(rig.manager->WaitUntilNoneRuns(absl::Now()));
  rig.manager->PauseRunning();
  EXPECT_TRUE(rig.manager->WaitUntilNoneRuns(absl::InfiniteFuture()));
  worker.join();
  EXPECT_FALSE(rig.RunNext());
  EXPECT_EQ(rig.Get(running).state, JobState::kQueued);
  EXPECT_EQ(rig.Get(waiting).state, JobState::kQueued);
  EXPECT_EQ(rig.Restart().size(), 2u);
}

TEST(JobRecoveryTest, CancelGoesBeforeAPause) {
  JobRig rig;
  std::promise<void> began;
  const std::string id = rig.Submit(EndlessRequest(began)).id;
  std::thread worker([&] { rig.RunNext(); });
  began.get_future().wait();
  ASSERT_TRUE(rig.manager->Cancel(id).ok());
  rig.manager->PauseRunning();
  worker.join();
  EXPECT_EQ(rig.Get(id).state, JobState::kCancelled);
}

}  // namespace
}  // namespace circuitd
