// What a JobStore must have kept when it is opened again.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/jobs/store/job_store_suite.h"

namespace circuitd {
namespace {
using testing::ElementsAre;

TEST_P(DurableJobStoreSuite, HasEverythingWhenItIsOpenedAgain) {
  Insert(QueuedJob("queued"), "input of it");
  Log(Run(Insert(QueuedJob("running"))), std::string(kOddBytes));
  JobRecord record = Log(Run(Insert(QueuedJob("ended"))), "payload");
  record.error = absl::CancelledError("by its owner");
  record.artifacts = {Artifact("a.json", "a"), Artifact("b.json", std::string(kOddBytes))};
  record = End(record, JobState::kCancelled);
  std::vector<std::string> before;
  for (const char* id : {"queued", "running", "ended"}) before.push_back(DescribeJob(id));

  Reopen();
  EXPECT_THAT(List(), ElementsAre("ended", "running", "queued"));
  std::vector<std::string> after;
  for (const char* id : {"queued", "running", "ended"}) after.push_back(DescribeJob(id));
  EXPECT_EQ(after, before);
  EXPECT_TRUE(*store_->IsArtifactUsed(record.artifacts[1].sha256));
  EXPECT_TRUE((*store_->FindRequest("owner", record.request_id)).has_value());
  EXPECT_THAT(Expired(absl::InfiniteFuture(), 0), ElementsAre("ended"));
}

TEST_P(DurableJobStoreSuite, UsesNoNumberTwiceWhenItIsOpenedAgain) {
  Insert(QueuedJob("a"));
  const uint64_t newest = Insert(QueuedJob("b")).number;
  ASSERT_TRUE(store_->Delete("b").ok());
  Reopen();
  EXPECT_GT(Insert(QueuedJob("c")).number, newest);
}

TEST_P(DurableJobStoreSuite, GoesOnWhenItIsOpenedAgain) {
  JobRecord record = Insert(QueuedJob("a"));
  for (int i = 0; i < 20; ++i) {
    Reopen();
    record = Log(record, absl::StrCat("event ", i));
  }
  EXPECT_EQ(store_->Events("a", 0, 100)->size(), 21);
  EXPECT_EQ(Describe(*store_->Get("a")), Describe(record));
}

}  // namespace
}  // namespace circuitd
