// Which jobs a JobStore lists, finds and wants forgotten.
#include <gmock/gmock.h>

#include <limits>

#include "tests/unit/jobs/store/job_store_suite.h"

namespace circuitd {
namespace {
using testing::ElementsAre;
using testing::IsEmpty;
constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

TEST_P(JobStoreSuite, NumbersJobsInOrderAndUsesNoNumberTwice) {
  const uint64_t first = Insert(QueuedJob("a")).number;
  const uint64_t second = Insert(QueuedJob("b")).number;
  EXPECT_GT(first, 0);
  EXPECT_GT(second, first);
  ASSERT_TRUE(store_->Delete("b").ok());
  EXPECT_GT(Insert(QueuedJob("c")).number, second);
}

TEST_P(JobStoreSuite, ListsTheNewestFirstByStateOwnerNumberAndLimit) {
  const JobRecord a = Insert(QueuedJob("a"));
  const JobRecord b = Run(Insert(QueuedJob("b")));
  JobRecord c = QueuedJob("c");
  c.owner = "somebody else";
  c = Insert(c);
  const JobRecord d = End(Insert(QueuedJob("d")), JobState::kCancelled);

  EXPECT_THAT(List(), ElementsAre("d", "c", "b", "a"));
  EXPECT_THAT(List({.states = {JobState::kQueued}}), ElementsAre("c", "a"));
  EXPECT_THAT(List({.states = {JobState::kRunning, JobState::kCancelled, JobState::kRunning}}), ElementsAre("d", "b"));
  EXPECT_THAT(List({.states = {JobState::kFailed, JobState::kSucceeded}}), IsEmpty());
  EXPECT_THAT(List({.owner = "owner"}), ElementsAre("d", "b", "a"));
  EXPECT_THAT(List({.owner = ""}), IsEmpty());
  EXPECT_THAT(List({.before_number = c.number}), ElementsAre("b", "a"));
  EXPECT_THAT(List({.before_number = std::numeric_limits<uint64_t>::max()}), ElementsAre("d", "c", "b", "a"));
  EXPECT_THAT(List({.limit = 2}), ElementsAre("d", "c"));
  EXPECT_THAT(List({.limit = 0}), IsEmpty());
  EXPECT_THAT(List({.states = {JobState::kQueued, JobState::kCancelled}, .owner = "owner", .before_number = d.number}),
              ElementsAre("a"));
  EXPECT_EQ(Describe(store_->List({.limit = 1})->at(0)), Describe(d));
}

TEST_P(JobStoreSuite, FindsTheJobOfARequest) {
  const JobRecord record = Insert(QueuedJob("a"));
  JobRecord unnamed = QueuedJob("b");
  unnamed.request_id = "";
  Insert(unnamed);
  EXPECT_EQ(Describe(**store_->FindRequest("owner", record.request_id)), Describe(record));
  EXPECT_FALSE((*store_->FindRequest("somebody else", record.request_id)).has_value());
  EXPECT_FALSE((*store_->FindRequest("owner", "another request")).has_value());
  EXPECT_FALSE((*store_->FindRequest("owner", "")).has_value());
}

TEST_P(JobStoreSuite, FindsTheNewestResultThatSucceeded) {
  std::vector<JobRecord> records;
  for (const char* id : {"a", "b", "c", "d"}) {
    JobRecord record = QueuedJob(id);
    record.result_key = "key";
    records.push_back(Insert(record));
  }
  JobRecord unknown = QueuedJob("e");
  unknown.result_key = "";
  End(Insert(unknown), JobState::kSucceeded);

  EXPECT_FALSE((*store_->FindResult("key")).has_value());
  const JobRecord newest = End(records[1], JobState::kSucceeded);
  End(records[0], JobState::kSucceeded);
  End(records[2], JobState::kFailed);
  EXPECT_EQ(Describe(**store_->FindResult("key")), Describe(newest));
  EXPECT_FALSE((*store_->FindResult("another key")).has_value());
  EXPECT_FALSE((*store_->FindResult("")).has_value());
}

TEST_P(JobStoreSuite, KnowsWhichArtifactsAreUsed) {
  const ArtifactInfo shared = Artifact("a.json", "bytes");
  EXPECT_FALSE(*store_->IsArtifactUsed(shared.sha256));
  for (const char* id : {"a", "b"}) {
    JobRecord record = Insert(QueuedJob(id));
    record.artifacts = {shared};
    End(record, JobState::kSucceeded);
  }
  ASSERT_TRUE(store_->Delete("a").ok());
  EXPECT_TRUE(*store_->IsArtifactUsed(shared.sha256));
  ASSERT_TRUE(store_->Delete("b").ok());
  EXPECT_FALSE(*store_->IsArtifactUsed(shared.sha256));
}

TEST_P(JobStoreSuite, ExpiresJobsByWhenTheyEnded) {
  const JobRecord a = Insert(QueuedJob("a"));
  const JobRecord b = Insert(QueuedJob("b"));
  const JobRecord c = Insert(QueuedJob("c"));
  Run(Insert(QueuedJob("runs on")));
  End(c, JobState::kFailed, 10);
  End(a, JobState::kSucceeded, 20);
  End(b, JobState::kCancelled, 30);

  EXPECT_THAT(Expired(absl::InfinitePast(), kNoLimit), IsEmpty());
  EXPECT_THAT(Expired(Second(10), kNoLimit), IsEmpty());
  EXPECT_THAT(Expired(Second(10) + absl::Nanoseconds(1), kNoLimit), ElementsAre("c"));
  EXPECT_THAT(Expired(Second(25), kNoLimit), ElementsAre("c", "a"));
  EXPECT_THAT(Expired(absl::InfiniteFuture(), kNoLimit), ElementsAre("c", "a", "b"));
}

TEST_P(JobStoreSuite, ExpiresTheOldestUntilTheRestIsSmallEnough) {
  // Each kind of bytes, a hundred of them, in a job of its own, which end in this order.
  const auto ended = [this](const char* id, int64_t second, const auto& change) {
    JobRecord record = QueuedJob(id);
    record.spec = "";
    if (id == std::string("spec")) record.spec = std::string(100, 's');
    record = change(Insert(record, std::string(5000, 'i')));  // inputs are forgotten
    End(record, JobState::kSucceeded, second);
  };
  ended("artifacts", 10, [](JobRecord record) {
    record.artifacts = {Artifact("a", std::string(60, 'a')), Artifact("b", std::string(40, 'b'))};
    return record;
  });
  ended("result", 20, [](JobRecord record) {
    record.result = std::string(100, 'r');
    return record;
  });
  ended("spec", 30, [](JobRecord record) { return record; });
  ended("events", 40, [this](JobRecord record) {
    record = Log(Log(record, std::string(70, 'e')), std::string(30, 'e'));
    record.progress = "";
    return record;
  });
  ended("progress", 50, [](JobRecord record) {
    record.progress = std::string(100, 'p');
    return record;
  });
  Log(Insert(QueuedJob("runs on")), std::string(10'000, 'x'));

  EXPECT_THAT(Expired(absl::InfinitePast(), 500), IsEmpty());
  EXPECT_THAT(Expired(absl::InfinitePast(), 499), ElementsAre("artifacts"));
  EXPECT_THAT(Expired(absl::InfinitePast(), 400), ElementsAre("artifacts"));
  EXPECT_THAT(Expired(absl::InfinitePast(), 399), ElementsAre("artifacts", "result"));
  EXPECT_THAT(Expired(absl::InfinitePast(), 299), ElementsAre("artifacts", "result", "spec"));
  EXPECT_THAT(Expired(absl::InfinitePast(), 100), ElementsAre("artifacts", "result", "spec", "events"));
  EXPECT_THAT(Expired(absl::InfinitePast(), 0), ElementsAre("artifacts", "result", "spec", "events", "progress"));
  // Whichever wants more to go.
  EXPECT_THAT(Expired(Second(35), 450), ElementsAre("artifacts", "result", "spec"));
  EXPECT_THAT(Expired(Second(15), 250), ElementsAre("artifacts", "result", "spec"));
  ASSERT_TRUE(store_->Delete("artifacts").ok());
  EXPECT_THAT(Expired(absl::InfinitePast(), 400), IsEmpty());
}

}  // namespace
}  // namespace circuitd
