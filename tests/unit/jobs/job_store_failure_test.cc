// What becomes of jobs when their store fails.
#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "server/jobs/job_manager.h"
#include "tests/unit/jobs/job_test_util.h"

namespace circuitd {
namespace {

// Passes everything on until it is told to fail.
class FaultyStore : public JobStore {
 public:
  struct Faults {
    bool lost = false;         // every record is gone
    int throwing_appends = 0;  // the next ones throw
  };
  explicit FaultyStore(Faults& faults) : faults_(faults), store_(NewMemoryJobStore()) {}

  absl::Status Put(const JobRecord& record) override { return store_->Put(record); }
  absl::StatusOr<JobRecord> Get(absl::string_view id) const override {
    if (faults_.lost) return absl::DataLossError("lost");
    return store_->Get(id);
  }
  std::vector<JobRecord> List() const override { return store_->List(); }
  absl::Status Delete(absl::string_view id) override { return store_->Delete(id); }
  absl::Status AppendEvent(absl::string_view id, JobEvent event) override {
    if (faults_.throwing_appends > 0 && faults_.throwing_appends-- > 0) throw std::bad_alloc();
    return store_->AppendEvent(id, std::move(event));
  }
  absl::StatusOr<std::vector<JobEvent>> Events(absl::string_view id, uint64_t after, size_t limit) const override {
    return store_->Events(id, after, limit);
  }
  absl::Status PutArtifact(absl::string_view id, ArtifactFile file) override {
    return store_->PutArtifact(id, std::move(file));
  }
  absl::StatusOr<std::shared_ptr<const std::string>> GetArtifact(absl::string_view id,
                                                                 absl::string_view name) const override {
    return store_->GetArtifact(id, name);
  }

 private:
  Faults& faults_;
  const std::unique_ptr<JobStore> store_;
};

struct FaultyRig {
  FaultyStore::Faults faults;
  JobManager manager{{}, std::make_unique<FaultyStore>(faults), {}};
};

TEST(JobStoreFailureTest, LostQueuedJobIsPassedOver) {
  FaultyRig rig;
  ASSERT_TRUE(rig.manager.Submit(TrivialRequest()).ok());
  rig.faults.lost = true;
  EXPECT_TRUE(rig.manager.RunNext("cpu", nullptr));
  EXPECT_FALSE(rig.manager.RunNext("cpu", nullptr));
}

TEST(JobStoreFailureTest, JobThatIsLostWhileItRunsRunsNoMore) {
  FaultyRig rig;
  ASSERT_TRUE(rig.manager
                  .Submit(RequestOf([&rig](JobContext&) -> absl::StatusOr<JobOutcome> {
                    rig.faults.lost = true;
                    return Result("r");
                  }))
                  .ok());
  EXPECT_TRUE(rig.manager.RunNext("cpu", nullptr));
  EXPECT_TRUE(rig.manager.WaitUntilNoneRuns(absl::Now()));
}

TEST(JobStoreFailureTest, ShutdownGoesOnWithoutLostJobs) {
  FaultyRig rig;
  ASSERT_TRUE(rig.manager.Submit(TrivialRequest()).ok());
  rig.faults.lost = true;
  rig.manager.StopAccepting();
  EXPECT_EQ(rig.manager.queued_jobs(), 0);
}

TEST(JobStoreFailureTest, ThrowAtTheEndFailsTheJob) {
  FaultyRig rig;
  const std::string id = rig.manager
                             .Submit(RequestOf([&rig](JobContext&) -> absl::StatusOr<JobOutcome> {
                               rig.faults.throwing_appends = 1;
                               return Result("r");
                             }))
                             ->record.id;
  EXPECT_TRUE(rig.manager.RunNext("cpu", nullptr));
  const JobRecord record = rig.manager.Get(id)->record;
  EXPECT_EQ(record.state, JobState::kFailed);
  EXPECT_TRUE(absl::IsResourceExhausted(record.error));
}

}  // namespace
}  // namespace circuitd
