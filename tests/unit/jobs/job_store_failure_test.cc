// What becomes of jobs when their store fails: nothing is lost, and all goes on when it works again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "base/status.h"
#include "server/jobs/job_manager.h"
#include "tests/unit/jobs/job_test_util.h"

namespace circuitd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Passes everything on as long as it is not told to fail.
class FaultyStore : public JobStore {
 public:
  struct Faults {
    absl::Status writes;
    absl::Status reads;
  };
  FaultyStore(Faults& faults, std::unique_ptr<JobStore> store) : faults_(faults), store_(std::move(store)) {}

  absl::Status Insert(JobRecord& record, const std::vector<JobEvent>& events, absl::string_view input) override {
    RETURN_IF_ERROR(faults_.writes);
    return store_->Insert(record, events, input);
  }
  absl::Status Update(const JobRecord& record, const JobEvent& event) override {
    RETURN_IF_ERROR(faults_.writes);
    return store_->Update(record, event);
  }
  absl::Status Delete(absl::string_view id) override {
    RETURN_IF_ERROR(faults_.writes);
    return store_->Delete(id);
  }
  absl::StatusOr<JobRecord> Get(absl::string_view id) const override {
    RETURN_IF_ERROR(faults_.reads);
    return store_->Get(id);
  }
  absl::StatusOr<std::string> Input(absl::string_view id) const override { return store_->Input(id); }
  absl::StatusOr<std::vector<JobRecord>> List(const JobFilter& filter) const override { return store_->List(filter); }
  absl::StatusOr<std::optional<JobRecord>> FindRequest(absl::string_view owner,
                                                       absl::string_view request_id) const override {
    return store_->FindRequest(owner, request_id);
  }
  absl::StatusOr<std::optional<JobRecord>> FindResult(absl::string_view result_key) const override {
    return store_->FindResult(result_key);
  }
  absl::StatusOr<std::vector<JobEvent>> Events(absl::string_view id, uint64_t after, EventLimit limit) const override {
    RETURN_IF_ERROR(faults_.reads);
    return store_->Events(id, after, limit);
  }
  absl::StatusOr<bool> IsArtifactUsed(absl::string_view sha256) const override {
    return store_->IsArtifactUsed(sha256);
  }
  absl::StatusOr<std::vector<std::string>> Expired(absl::Time ended_before, int64_t max_bytes) const override {
    return store_->Expired(ended_before, max_bytes);
  }

 private:
  Faults& faults_;
  const std::unique_ptr<JobStore> store_;
};

const absl::Status kDiskFull = absl::ResourceExhaustedError("jobs.sqlite3: the disk is full");

class JobStoreFailureTest : public testing::Test {
 protected:
  JobStoreFailureTest() {
    JobManager::Options options;
    options.clock = [this] { return clocks_.Now(); };
    options.uptime = [this] { return clocks_.Uptime(); };
    JobManager::Hooks hooks;
    hooks.store_failed = [this](const absl::Status& status) {
      MutexLock lock(mutex_);
      errors_.push_back(status);
    };
    manager_ = std::make_unique<JobManager>(
        options, std::make_unique<FaultyStore>(faults_, OpenSqliteJobStore(":memory:").value()),
        ArtifactFolder::Open(folder_.File("artifacts")).value(), std::move(hooks));
  }

  std::string Submit(JobRequest request) { return manager_->Submit(std::move(request)).value().record.id; }
  bool RunNext() { return manager_->RunNext("cpu", nullptr); }
  JobView Get(const std::string& id) { return manager_->Get(id).value(); }
  // The store works again, and the manager tries what it has held back.
  void Mend() {
    faults_ = {};
    clocks_.Advance(absl::Minutes(2));
    manager_->Tick();
  }

  const client::TempFolder folder_;
  FakeClocks clocks_;
  FaultyStore::Faults faults_;
  Mutex mutex_;
  std::vector<absl::Status> errors_;
  std::unique_ptr<JobManager> manager_;
};

TEST_F(JobStoreFailureTest, SubmitIsRefusedAndNothingIsThere) {
  faults_.writes = kDiskFull;
  EXPECT_EQ(manager_->Submit(TrivialRequest()).status(), kDiskFull);
  EXPECT_EQ(manager_->queued_jobs(), 0);
  Mend();
  EXPECT_TRUE(manager_->List({})->empty());
  EXPECT_TRUE(manager_->Submit(TrivialRequest()).ok());
}

TEST_F(JobStoreFailureTest, CancelOfAWaitingJobIsRefusedAndTheJobRuns) {
  const std::string id = Submit(TrivialRequest());
  faults_.writes = kDiskFull;
  EXPECT_EQ(manager_->Cancel(id).status(), kDiskFull);
  Mend();
  EXPECT_TRUE(RunNext());
  EXPECT_EQ(Get(id).record.state, JobState::kSucceeded);
}

TEST_F(JobStoreFailureTest, JobThatCannotBeginIsHeldBackAndRunsLater) {
  const std::string id = Submit(TrivialRequest());
  faults_.writes = kDiskFull;
  EXPECT_TRUE(RunNext());
  EXPECT_FALSE(RunNext());
  EXPECT_EQ(Get(id).record.state, JobState::kQueued);
  EXPECT_THAT(Get(id).held_back_by, HasSubstr("disk is full"));
  EXPECT_THAT(errors_, ElementsAre(kDiskFull));
  Mend();
  EXPECT_EQ(Get(id).held_back_by, "");
  EXPECT_TRUE(RunNext());
  EXPECT_EQ(Get(id).record.state, JobState::kSucceeded);
}

TEST_F(JobStoreFailureTest, RunningJobIsPausedAtTheFirstLostEventAndGoesOnFromTheLastStoredOne) {
  std::vector<size_t> begun_with;
  const std::string id = Submit(RequestOf([&](JobContext& context) -> absl::StatusOr<JobOutcome> {
    begun_with.push_back(context.past_events().size());
    for (size_t i = context.past_events().size(); i < 4; ++i) {
      if (i == 2 && begun_with.size() == 1) faults_.writes = kDiskFull;
      context.Emit("e" + std::to_string(i), "p", absl::ZeroDuration());
      RETURN_IF_ERROR(context.Checkpoint());
    }
    return Result("r");
  }));
  EXPECT_TRUE(RunNext());
  EXPECT_EQ(Get(id).record.state, JobState::kRunning);  // as stored
  EXPECT_THAT(Get(id).held_back_by, HasSubstr("disk is full"));
  EXPECT_FALSE(RunNext());
  Mend();
  EXPECT_EQ(Get(id).record.state, JobState::kQueued);
  EXPECT_TRUE(RunNext());
  EXPECT_THAT(begun_with, ElementsAre(0, 2));
  EXPECT_EQ(Get(id).record.state, JobState::kSucceeded);
  EXPECT_EQ(Get(id).record.last_sequence, 9u);  // 4 events; queued, running twice; succeeded
}

TEST_F(JobStoreFailureTest, BodyThatDoesNotLookUpLosesNoEvent) {
  bool first = true;
  const std::string id = Submit(RequestOf([&](JobContext& context) -> absl::StatusOr<JobOutcome> {
    // No checkpoint, and the store works again in between: the events after a lost one are not to be kept.
    for (size_t i = context.past_events().size(); i < 4; ++i) {
      faults_.writes = first && i == 1 ? kDiskFull : absl::OkStatus();
      context.Emit("e" + std::to_string(i), "p", absl::ZeroDuration());
    }
    first = false;
    return Result("r");
  }));
  EXPECT_TRUE(RunNext());
  EXPECT_EQ(Get(id).record.state, JobState::kQueued);
  Mend();
  EXPECT_TRUE(RunNext());
  std::vector<std::string> payloads;
  const auto watch = manager_->Watch(id, 0, [] {}).value();
  for (auto item = watch->Next().value(); item.kind != JobWatch::Item::Kind::kEnd; item = watch->Next().value()) {
    if (item.event && !item.event->state) payloads.push_back(item.event->payload);
  }
  EXPECT_THAT(payloads, ElementsAre("e0", "e1", "e2", "e3"));
}

TEST_F(JobStoreFailureTest, EndThatCannotBeStoredIsStoredLater) {
  const std::string id = Submit(RequestOf([&](JobContext&) -> absl::StatusOr<JobOutcome> {
    faults_.writes = kDiskFull;
    return JobOutcome{"r", {{"a", "text/plain", "bytes"}}};
  }));
  EXPECT_TRUE(RunNext());
  EXPECT_EQ(Get(id).record.state, JobState::kRunning);
  EXPECT_THAT(Get(id).held_back_by, HasSubstr("succeeded"));
  EXPECT_EQ(manager_->Cancel(id).status().code(), absl::StatusCode::kFailedPrecondition);
  Mend();
  EXPECT_EQ(Get(id).record.state, JobState::kSucceeded);
  EXPECT_EQ(Get(id).record.result, "r");
  EXPECT_EQ(manager_->GetArtifact(id, "a")->second->Read(0, 9).value(), "bytes");
}

TEST_F(JobStoreFailureTest, FileOfAnEndThatIsNotStoredYetOutlivesAnotherJobsDeletion) {
  const auto body = [this](bool fails) {
    return [this, fails](JobContext&) -> absl::StatusOr<JobOutcome> {
      if (fails) faults_.writes = kDiskFull;
      return JobOutcome{"r", {{"a", "text/plain", "the same bytes"}}};
    };
  };
  const std::string other = Submit(RequestOf(body(false)));
  EXPECT_TRUE(RunNext());
  const std::string id = Submit(RequestOf(body(true)));
  EXPECT_TRUE(RunNext());
  faults_ = {};
  EXPECT_TRUE(manager_->Delete(other).ok());
  Mend();
  EXPECT_EQ(Get(id).record.state, JobState::kSucceeded);
  EXPECT_EQ(manager_->GetArtifact(id, "a")->second->Read(0, 99).value(), "the same bytes");
}

TEST_F(JobStoreFailureTest, DeadlineThatCannotBeStoredIsStoredLater) {
  JobRequest request = TrivialRequest();
  request.deadline = clocks_.Now() + absl::Seconds(1);
  const std::string id = Submit(std::move(request));
  faults_.writes = kDiskFull;
  clocks_.Advance(absl::Seconds(1));
  manager_->Tick();
  EXPECT_EQ(Get(id).record.state, JobState::kQueued);
  Mend();
  EXPECT_TRUE(absl::IsDeadlineExceeded(Get(id).record.error));
}

TEST_F(JobStoreFailureTest, UnreadableStoreHoldsJobsBackAndSaysWhy) {
  const std::string id = Submit(TrivialRequest());
  faults_.reads = absl::DataLossError("jobs.sqlite3 is damaged");
  EXPECT_EQ(manager_->Get(id).status(), faults_.reads);
  EXPECT_TRUE(RunNext());
  EXPECT_FALSE(RunNext());
  Mend();
  EXPECT_TRUE(RunNext());
  EXPECT_EQ(Get(id).record.state, JobState::kSucceeded);
}

TEST_F(JobStoreFailureTest, WaitsGrowAsLongAsNothingIsStoredThatTheJobDoes) {
  // States can be stored, and what the job does can't: it begins again and again, less and less often.
  const std::string id = Submit(RequestOf([&](JobContext& context) -> absl::StatusOr<JobOutcome> {
    faults_.writes = kDiskFull;
    context.Emit("e", "p", absl::ZeroDuration());
    faults_.writes = absl::OkStatus();
    return Result("r");
  }));
  std::vector<absl::Duration> waits;
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(RunNext());
    waits.push_back(manager_->Tick());
    clocks_.Advance(waits.back());
    manager_->Tick();
  }
  EXPECT_THAT(waits, ElementsAre(absl::Seconds(1), absl::Seconds(2), absl::Seconds(4), absl::Seconds(8)));
}

TEST_F(JobStoreFailureTest, FinishedJobWhoseFilesCannotBeKeptIsNotLost) {
  const std::string id = Submit(RequestOf(CountingBody(2)));
  std::filesystem::remove_all(folder_.File("artifacts"));
  folder_.Write("artifacts", "no folder any more");
  EXPECT_TRUE(RunNext());
  EXPECT_EQ(Get(id).record.state, JobState::kQueued);
  EXPECT_THAT(Get(id).held_back_by, HasSubstr("artifacts"));
  std::filesystem::remove(folder_.File("artifacts"));
  std::filesystem::create_directory(folder_.File("artifacts"));
  Mend();
  EXPECT_TRUE(RunNext());
  EXPECT_EQ(Get(id).record.state, JobState::kSucceeded);
}

TEST_F(JobStoreFailureTest, UnreadableStoreDoesNotEndARun) {
  const std::string id = Submit(RequestOf([&](JobContext& context) -> absl::StatusOr<JobOutcome> {
    faults_.reads = absl::DataLossError("unreadable");
    context.Emit("e", "p", absl::ZeroDuration());
    return Result("r");
  }));
  EXPECT_TRUE(RunNext());
  faults_ = {};
  EXPECT_EQ(Get(id).record.state, JobState::kSucceeded);
}

TEST_F(JobStoreFailureTest, DeleteThatFailsDeletesNothing) {
  const std::string id = Submit(TrivialRequest());
  RunNext();
  faults_.writes = kDiskFull;
  EXPECT_EQ(manager_->Delete(id), kDiskFull);
  EXPECT_TRUE(manager_->Get(id).ok());
}

TEST_F(JobStoreFailureTest, RetriesWaitLongerAndLonger) {
  Submit(TrivialRequest());
  faults_.writes = kDiskFull;
  RunNext();
  std::vector<absl::Duration> waits;
  for (int i = 0; i < 9; ++i) {
    waits.push_back(manager_->Tick());
    clocks_.Advance(waits.back());
    manager_->Tick();
    RunNext();
  }
  EXPECT_EQ(waits[0], absl::Seconds(1));
  EXPECT_EQ(waits[1], absl::Seconds(2));
  EXPECT_EQ(waits[8], absl::Minutes(1));
}

}  // namespace
}  // namespace circuitd
