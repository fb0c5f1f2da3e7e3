// Jobs over restarts of the server, answered from earlier results, within their owner's part.
#include <gmock/gmock.h>

#include "circuitd/v1/dataset.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/unit/service/rpc_test_util.h"

namespace circuitd {
namespace {

using testing::HasSubstr;

class DurableJobRpcTest : public RpcTest {
 protected:
  grpc::Status TrySubmit(const v1::SubmitJobRequest& request, const std::string& user, v1::Job* job = nullptr) {
    grpc::ClientContext context;
    context.AddMetadata("circuitd-user", user);
    v1::SubmitJobResponse response;
    const grpc::Status status = Stub<v1::JobService>()->SubmitJob(&context, request, &response);
    if (job != nullptr) *job = response.job();
    return status;
  }
  v1::Job Get(const std::string& name) {
    grpc::ClientContext context;
    v1::GetJobRequest request;
    request.set_name(name);
    v1::GetJobResponse response;
    EXPECT_TRUE(Stub<v1::JobService>()->GetJob(&context, request, &response).ok());
    return response.job();
  }
  void Cancel(const std::string& name) {
    grpc::ClientContext context;
    v1::CancelJobRequest request;
    request.set_name(name);
    v1::CancelJobResponse response;
    EXPECT_TRUE(Stub<v1::JobService>()->CancelJob(&context, request, &response).ok());
  }
  std::string Decisions(const v1::Job& job) {
    grpc::ClientContext context;
    v1::DownloadArtifactRequest request;
    request.set_name(job.name());
    request.set_artifact("decisions.jsonl");
    const auto reader = Stub<v1::JobService>()->DownloadArtifact(&context, request);
    std::string bytes;
    for (v1::DownloadArtifactResponse message; reader->Read(&message);) bytes += message.data();
    EXPECT_TRUE(reader->Finish().ok());
    return bytes;
  }
  // The events of a watch from the start, each once.
  void ExpectWholeLog(const v1::Job& job) {
    uint64_t next = 1, decisions = 0;
    for (const v1::WatchJobResponse& message : Watch(job.name())) {
      if (!message.has_event()) continue;
      EXPECT_EQ(message.event().sequence(), next++);
      if (!message.event().has_decision()) continue;
      EXPECT_EQ(message.event().decision().decision().index(), decisions++);
    }
    EXPECT_EQ(next, job.last_sequence() + 1);
    EXPECT_EQ(decisions, job.node_pruning().decision_count());
  }
  static void ExpectSameResult(const v1::Job& a, const v1::Job& b) {
    EXPECT_EQ(a.state(), v1::JOB_STATE_SUCCEEDED) << a.error().message();
    EXPECT_EQ(a.node_pruning().circuit().SerializeAsString(), b.node_pruning().circuit().SerializeAsString());
    EXPECT_EQ(a.node_pruning().decision_count(), b.node_pruning().decision_count());
    EXPECT_NEAR(a.node_pruning().score(), b.node_pruning().score(), 1e-4);
  }
};

TEST_F(DurableJobRpcTest, JobGoesOnAfterARestartToTheSameCircuit) {
  v1::SubmitJobRequest request = SmallJob();
  request.mutable_spec()->mutable_node_pruning()->mutable_prompts()->set_num_samples(8);
  request.set_no_cache(true);
  const v1::Job whole = Watch(Submit(request).name()).back().job();
  ASSERT_EQ(whole.state(), v1::JOB_STATE_SUCCEEDED) << whole.error().message();
  const v1::Job job = Submit(request);
  WaitForDecision(job.name());
  Start(TestOptions());
  const v1::Job resumed = Watch(job.name()).back().job();
  ExpectSameResult(resumed, whole);
  ExpectWholeLog(resumed);
  EXPECT_EQ(resumed.micro_batch_prompts(), whole.micro_batch_prompts());
  EXPECT_GT(resumed.micro_batch_prompts(), 0u);
}

TEST_F(DurableJobRpcTest, JobGoesOnThoughItsDatasetIsGone) {
  const std::string line =
      R"({"clean": "one two three", "corrupted": "one two one", "correct": " four", "incorrect": " two"})";
  v1::UploadDatasetResponse uploaded;
  grpc::ClientContext context;
  const auto writer = Stub<v1::DatasetService>()->UploadDataset(&context, &uploaded);
  v1::UploadDatasetRequest part;
  part.mutable_header()->set_format(v1::DATASET_FORMAT_PAIRS);
  writer->Write(part);
  part.set_data(line);
  writer->Write(part);
  writer->WritesDone();
  ASSERT_TRUE(writer->Finish().ok());

  const v1::Job running = Submit(LongJob());
  WaitForDecision(running.name());
  v1::SubmitJobRequest request = SmallJob();
  v1::NodePruningSpec& spec = *request.mutable_spec()->mutable_node_pruning();
  spec.mutable_prompts()->set_pairs_dataset_sha256(uploaded.dataset().sha256());
  spec.mutable_prompts()->set_multi_token_answers(v1::MULTI_TOKEN_ANSWERS_FIRST_TOKEN);
  v1::Job waiting;
  const grpc::Status status = TrySubmit(request, "", &waiting);
  ASSERT_TRUE(status.ok()) << status.error_message();
  Start(TestOptions());
  Cancel(running.name());
  const v1::Job ended = Watch(waiting.name()).back().job();
  // Whether so short prompts have a circuit is not what is asked here.
  EXPECT_THAT(ended.error().message(), testing::Not(HasSubstr("dataset")));
  EXPECT_EQ(ended.spec().node_pruning().prompts().pairs_dataset_sha256(), uploaded.dataset().sha256());
}

TEST_F(DurableJobRpcTest, JobOfMorePromptsThanARequestMayBringGoesOn) {
  const v1::Job running = Submit(LongJob());
  WaitForDecision(running.name());
  v1::SubmitJobRequest request = SmallJob();
  request.mutable_spec()->mutable_node_pruning()->mutable_prompts()->set_num_samples(1366);  // of three variants each
  const v1::Job waiting = Submit(request);
  Start(TestOptions());
  v1::Job job = Get(waiting.name());
  while (!job.held_back_by().empty()) job = Get(waiting.name());
  EXPECT_EQ(job.state(), v1::JOB_STATE_QUEUED) << job.error().message();
  Cancel(waiting.name());
  Cancel(running.name());
}

TEST_F(DurableJobRpcTest, JobWhoseModelIsGoneWaitsForIt) {
  const v1::Job job = Submit(LongJob());
  WaitForDecision(job.name());
  ServerOptions options = TestOptions();
  options.models.locations.folders.erase("seqcont");
  Start(options);
  v1::Job waiting = Get(job.name());
  while (waiting.held_back_by().find("seqcont") == std::string::npos) waiting = Get(job.name());
  EXPECT_EQ(waiting.state(), v1::JOB_STATE_QUEUED);
  Start(TestOptions());
  while (waiting.state() == v1::JOB_STATE_QUEUED) waiting = Get(job.name());
  EXPECT_NE(waiting.state(), v1::JOB_STATE_FAILED) << waiting.error().message();
}

TEST_F(DurableJobRpcTest, JobWhoseModelIsAnotherOneFailsAndSaysSo) {
  const v1::Job job = Submit(LongJob());
  WaitForDecision(job.name());
  ServerOptions options = TestOptions();
  options.models.locations.folders["seqcont"] = CIRCUITD_SOURCE_DIR "/models/seqcont-demo";
  Start(options);
  const v1::Job ended = Watch(job.name()).back().job();
  EXPECT_EQ(ended.error().code(), grpc::StatusCode::FAILED_PRECONDITION) << ended.error().message();
  EXPECT_THAT(ended.error().message(), HasSubstr("sha256"));
}

TEST_F(DurableJobRpcTest, EqualJobHasItsResultAtOnceAlsoAfterARestart) {
  const v1::Job computed = Watch(Submit(SmallJob()).name()).back().job();
  Start(TestOptions());
  v1::SubmitJobRequest request = SmallJob();
  request.mutable_spec()->set_priority(7);  // no parameter of the result
  v1::Job cached;
  ASSERT_TRUE(TrySubmit(request, "bob", &cached).ok());
  EXPECT_EQ(cached.cached_from(), computed.name());
  EXPECT_EQ(cached.owner(), "bob");
  ExpectSameResult(cached, computed);
  ExpectWholeLog(cached);
  EXPECT_EQ(Decisions(cached), Decisions(computed));

  request.set_no_cache(true);
  EXPECT_EQ(Submit(request).cached_from(), "");
  request.set_no_cache(false);
  request.mutable_spec()->mutable_node_pruning()->set_threshold(21);
  EXPECT_EQ(Submit(request).cached_from(), "");
  request.mutable_spec()->mutable_node_pruning()->set_threshold(20);
  request.mutable_spec()->mutable_node_pruning()->mutable_prompts()->mutable_task()->set_seed(1);
  EXPECT_EQ(Submit(request).cached_from(), "");
}

TEST_F(DurableJobRpcTest, SameRequestIdIsTheSameJobAfterARestart) {
  v1::SubmitJobRequest request = SmallJob();
  request.set_request_id("once");
  const v1::Job job = Submit(request);
  Start(TestOptions());
  EXPECT_EQ(Submit(request).name(), job.name());
}

TEST_F(DurableJobRpcTest, OwnersPartOfTheQueueIsBoundedAndRetryInfoSaysToComeAgain) {
  ServerOptions options = TestOptions();
  options.max_queued_jobs_per_user = 1;
  Start(options);
  v1::Job running;
  ASSERT_TRUE(TrySubmit(LongJob(), "ann", &running).ok());
  WaitForDecision(running.name());
  ASSERT_TRUE(TrySubmit(SmallJob(), "ann").ok());
  const grpc::Status status = TrySubmit(SmallJob(), "ann");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("max_queued_jobs_per_user is 1"));
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  ASSERT_EQ(details.details_size(), 1);
  EXPECT_TRUE(details.details(0).Is<google::rpc::RetryInfo>());
  v1::Job other;
  EXPECT_TRUE(TrySubmit(SmallJob(), "bob", &other).ok());
  // Bob has had less than Ann, whose two jobs were first.
  EXPECT_EQ(Get(other.name()).queue_position(), 0u);
}

TEST_F(DurableJobRpcTest, QueuedJobsSayWhenTheyAreToBegin) {
  const v1::Job running = Submit(LongJob());
  WaitForDecision(running.name());
  const v1::Job first = Submit(SmallJob());
  EXPECT_EQ(first.queue_position(), 0u);
  EXPECT_TRUE(first.has_estimated_start_time());
  v1::SubmitJobRequest request = SmallJob();
  request.set_no_cache(true);
  const v1::Job second = Submit(request);
  EXPECT_EQ(second.queue_position(), 1u);
  EXPECT_TRUE(second.has_estimated_start_time());
}

TEST_F(DurableJobRpcTest, JobThatNobodyWatchesAnyMoreIsCancelled) {
  v1::SubmitJobRequest request = LongJob();
  request.mutable_spec()->set_cancel_on_disconnect(true);
  request.mutable_spec()->mutable_node_pruning()->mutable_prompts()->set_num_samples(2048);
  const v1::Job job = Submit(request);
  WaitForDecision(job.name());  // and goes
  // Asking for a job is no watching.
  v1::JobState state = v1::JOB_STATE_RUNNING;
  while (state == v1::JOB_STATE_RUNNING) state = Get(job.name()).state();
  EXPECT_EQ(state, v1::JOB_STATE_CANCELLED);
  EXPECT_THAT(Get(job.name()).error().message(), HasSubstr("nobody watched"));
}

}  // namespace
}  // namespace circuitd
