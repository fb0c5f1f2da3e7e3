#include "tests/unit/jobs/store/job_store_suite.h"

#include <gmock/gmock.h>

#include <limits>

#include "absl/strings/str_cat.h"

namespace circuitd {
namespace {
using testing::ElementsAre;
using testing::IsEmpty;
}  // namespace

JobRecord JobStoreSuite::Insert(JobRecord record, const std::string& input) {
  std::vector<JobEvent> events;
  for (uint64_t i = 1; i <= record.last_sequence; ++i) events.push_back(StateEvent(i, record.state));
  const absl::Status status = store_->Insert(record, events, input);
  EXPECT_TRUE(status.ok()) << status;
  return record;
}

JobRecord JobStoreSuite::Run(JobRecord record) {
  record.state = JobState::kRunning;
  record.started = Second(2);
  const absl::Status status = store_->Update(record, StateEvent(++record.last_sequence, record.state));
  EXPECT_TRUE(status.ok()) << status;
  return record;
}

JobRecord JobStoreSuite::Log(JobRecord record, const std::string& payload) {
  record.progress = payload;
  const absl::Status status = store_->Update(record, PayloadEvent(++record.last_sequence, payload));
  EXPECT_TRUE(status.ok()) << status;
  return record;
}

JobRecord JobStoreSuite::End(JobRecord record, JobState state, int64_t second) {
  record.state = state;
  record.ended = Second(second);
  const absl::Status status = store_->Update(record, StateEvent(++record.last_sequence, state));
  EXPECT_TRUE(status.ok()) << status;
  return record;
}

std::vector<std::string> JobStoreSuite::List(const JobFilter& filter) const {
  const auto records = store_->List(filter);
  EXPECT_TRUE(records.ok()) << records.status();
  std::vector<std::string> ids;
  if (records.ok()) {
    for (const JobRecord& record : *records) ids.push_back(record.id);
  }
  return ids;
}

std::vector<std::string> JobStoreSuite::Expired(absl::Time ended_before, int64_t max_bytes) const {
  const auto ids = store_->Expired(ended_before, max_bytes);
  EXPECT_TRUE(ids.ok()) << ids.status();
  return ids.ok() ? *ids : std::vector<std::string>();
}

std::string JobStoreSuite::DescribeJob(const std::string& id) const {
  const auto record = store_->Get(id);
  std::string text = record.ok() ? Describe(*record) : record.status().ToString();
  const auto input = store_->Input(id);
  absl::StrAppend(&text, "\ninput ", input.ok() ? *input : input.status().ToString());
  const auto events = store_->Events(id, 0, 1000);
  if (!events.ok()) return absl::StrCat(text, "\n", events.status().ToString());
  for (const JobEvent& event : *events) absl::StrAppend(&text, "\n", Describe(event));
  return text;
}

TEST_P(JobStoreSuite, KeepsEveryFieldOfARecord) {
  JobRecord record = QueuedJob("a");
  record.same_as = "another";
  record.cancel_unwatched = true;
  record.deadline = Second(77) + absl::Nanoseconds(1);
  record = Insert(record);
  EXPECT_EQ(Describe(*store_->Get("a")), Describe(record));

  record = Log(Run(record), "half");
  EXPECT_EQ(Describe(*store_->Get("a")), Describe(record));

  record.result = "result";
  record.artifacts = {Artifact("z.json", "z"), Artifact("a.json", "aa")};
  record = End(record, JobState::kSucceeded);
  EXPECT_EQ(Describe(*store_->Get("a")), Describe(record));
}

TEST_P(JobStoreSuite, KeepsWhyAJobFailed) {
  JobRecord record = Run(Insert(QueuedJob("a")));
  record.error = absl::ResourceExhaustedError("out of memory");
  record = End(record, JobState::kFailed);
  EXPECT_EQ(store_->Get("a")->error, record.error);
}

TEST_P(JobStoreSuite, KeepsAnyBytes) {
  const std::string odd(kOddBytes);
  JobRecord record = QueuedJob(odd);
  for (std::string* field : {&record.owner, &record.request_id, &record.request_fingerprint, &record.device,
                             &record.spec, &record.result_key, &record.same_as}) {
    *field += odd;
  }
  record = Log(Run(Insert(record, odd)), odd);
  EXPECT_EQ(*store_->Input(odd), odd);
  record.error = absl::AbortedError(odd);
  record.result = odd;
  record.artifacts = {{.name = odd, .media_type = odd, .sha256 = odd, .size_bytes = 1}};
  record = End(record, JobState::kCancelled);

  EXPECT_EQ(Describe(*store_->Get(odd)), Describe(record));
  EXPECT_EQ(store_->Events(odd, 2, 1)->at(0).payload, odd);
  EXPECT_TRUE((*store_->FindRequest(record.owner, record.request_id)).has_value());
  EXPECT_TRUE(*store_->IsArtifactUsed(odd));
}

TEST_P(JobStoreSuite, KeepsEmptyFieldsAndInfiniteTimes) {
  JobRecord record;
  record.id = "a";
  record.created = Second(1);
  record = Insert(record, "");
  EXPECT_EQ(Describe(*store_->Get("a")), Describe(record));
  EXPECT_EQ(*store_->Input("a"), "");

  record.id = "b";
  record.created = absl::InfinitePast();
  record.deadline = absl::InfinitePast();
  record.started = absl::InfiniteFuture();
  record.ended = absl::InfiniteFuture();
  record.estimate = absl::InfiniteDuration();
  record = Insert(record);
  EXPECT_EQ(Describe(*store_->Get("b")), Describe(record));
}

TEST_P(JobStoreSuite, ChangesNothingThatIsGivenOnce) {
  const JobRecord given = Insert(QueuedJob("a"));
  JobRecord changed = given;
  changed.owner = changed.spec = changed.result_key = changed.device = "other";
  changed.priority = 99;
  Run(changed);
  JobRecord expected = given;
  expected.state = JobState::kRunning;
  expected.started = Second(2);
  expected.last_sequence = 2;
  EXPECT_EQ(Describe(*store_->Get("a")), Describe(expected));
}

TEST_P(JobStoreSuite, PagesThroughEvents) {
  JobRecord record = Insert(QueuedJob("a"));
  Insert(QueuedJob("b"));
  for (int i = 2; i <= 7; ++i) record = Log(record, absl::StrCat("event ", i));

  const auto page = store_->Events("a", 2, 3);
  ASSERT_EQ(page->size(), 3);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(Describe((*page)[i]), Describe(PayloadEvent(i + 3, absl::StrCat("event ", i + 3))));
  EXPECT_EQ(Describe(store_->Events("a", 0, 1)->at(0)), Describe(StateEvent(1, JobState::kQueued)));
  EXPECT_EQ(store_->Events("a", 5, std::numeric_limits<size_t>::max())->size(), 2);
  EXPECT_THAT(*store_->Events("a", 7, 10), IsEmpty());
  EXPECT_THAT(*store_->Events("a", std::numeric_limits<uint64_t>::max(), 10), IsEmpty());
  EXPECT_THAT(*store_->Events("a", 0, 0), IsEmpty());
}

TEST_P(JobStoreSuite, RefusesASecondJobWithTheSameIdOrRequest) {
  const JobRecord first = Insert(QueuedJob("a"));
  JobRecord same_id = QueuedJob("b");
  same_id.id = "a";
  EXPECT_TRUE(absl::IsAlreadyExists(store_->Insert(same_id, {StateEvent(1, JobState::kQueued)}, "")));
  JobRecord same_request = QueuedJob("b");
  same_request.request_id = first.request_id;
  EXPECT_TRUE(absl::IsAlreadyExists(store_->Insert(same_request, {StateEvent(1, JobState::kQueued)}, "")));
  EXPECT_THAT(List(), ElementsAre("a"));
  EXPECT_EQ(Describe(*store_->Get("a")), Describe(first));

  // Another's request of that name is another request, and no name is none.
  same_request.owner = "somebody else";
  Insert(same_request);
  for (const char* id : {"c", "d"}) {
    JobRecord unnamed = QueuedJob(id);
    unnamed.request_id = "";
    Insert(unnamed);
  }
  EXPECT_THAT(List(), ElementsAre("d", "c", "b", "a"));
}

TEST_P(JobStoreSuite, ChangesNothingWhenEventsDoNotFollow) {
  JobRecord record = QueuedJob("a");
  EXPECT_FALSE(store_->Insert(record, {StateEvent(2, JobState::kQueued)}, "").ok());
  EXPECT_FALSE(store_->Insert(record, {}, "").ok());
  EXPECT_THAT(List(), IsEmpty());

  record = Log(Insert(record), "two");
  const std::string before = DescribeJob("a");
  JobRecord again = record;
  again.result = "changed";
  EXPECT_FALSE(store_->Update(again, PayloadEvent(2, "two again")).ok());
  again.last_sequence = 4;
  EXPECT_FALSE(store_->Update(again, PayloadEvent(4, "a gap")).ok());
  EXPECT_FALSE(store_->Update(again, PayloadEvent(3, "another than the record's last")).ok());
  EXPECT_EQ(DescribeJob("a"), before);
}

TEST_P(JobStoreSuite, DoesNotFindWhatIsNotThere) {
  Insert(QueuedJob("a"));
  EXPECT_TRUE(absl::IsNotFound(store_->Get("b").status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Input("b").status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Events("b", 0, 1).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Delete("b")));
  JobRecord unknown = QueuedJob("b");
  unknown.number = 1;
  unknown.last_sequence = 2;
  EXPECT_TRUE(absl::IsNotFound(store_->Update(unknown, PayloadEvent(2, ""))));
  EXPECT_EQ(store_->Get("a")->last_sequence, 1);
}

TEST_P(JobStoreSuite, ForgetsTheInputOfAJobThatHasEnded) {
  const JobRecord queued = Insert(QueuedJob("a"), "long input");
  const JobRecord running = Run(queued);
  EXPECT_EQ(*store_->Input("a"), "long input");
  End(running, JobState::kSucceeded);
  EXPECT_TRUE(absl::IsNotFound(store_->Input("a").status()));

  JobRecord ended = QueuedJob("b");  // the result of another one
  ended.state = JobState::kSucceeded;
  Insert(ended);
  EXPECT_TRUE(absl::IsNotFound(store_->Input("b").status()));
}

TEST_P(JobStoreSuite, DeletesAJobWithAllThatItHas) {
  JobRecord record = Insert(QueuedJob("a"));
  record.artifacts = {Artifact("a.json", "bytes")};
  record = End(Log(Run(record), "log"), JobState::kSucceeded);
  const JobRecord other = Log(Insert(QueuedJob("b")), "stays");
  const std::string other_before = DescribeJob("b");
  ASSERT_TRUE(store_->Delete("a").ok());

  EXPECT_TRUE(absl::IsNotFound(store_->Get("a").status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Events("a", 0, 1).status()));
  EXPECT_FALSE(*store_->IsArtifactUsed(record.artifacts[0].sha256));
  EXPECT_FALSE((*store_->FindRequest(record.owner, record.request_id)).has_value());
  EXPECT_FALSE((*store_->FindResult(record.result_key)).has_value());
  EXPECT_EQ(DescribeJob("b"), other_before);
  // What had its name begins anew.
  Insert(QueuedJob("a"));
  EXPECT_EQ(store_->Events("a", 0, 10)->size(), 1);
}

}  // namespace circuitd
