#include <gmock/gmock.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "circuitd/v1/inference.grpc.pb.h"
#include "tests/unit/service/rpc_messages.h"
#include "tests/unit/service/rpc_test_util.h"

namespace circuitd {
namespace {

using testing::HasSubstr;

class JobRpcTest : public RpcTest {
 protected:
  grpc::Status TrySubmit(const v1::SubmitJobRequest& request, v1::SubmitJobResponse* response = nullptr,
                         const std::string& user = "") {
    grpc::ClientContext context;
    if (!user.empty()) context.AddMetadata("circuitd-user", user);
    v1::SubmitJobResponse ignored;
    return Stub<v1::JobService>()->SubmitJob(&context, request, response != nullptr ? response : &ignored);
  }

  grpc::Status Cancel(const std::string& name) {
    grpc::ClientContext context;
    v1::CancelJobRequest request;
    request.set_name(name);
    v1::CancelJobResponse response;
    return Stub<v1::JobService>()->CancelJob(&context, request, &response);
  }

  grpc::Status Delete(const std::string& name) {
    grpc::ClientContext context;
    v1::DeleteJobRequest request;
    request.set_name(name);
    v1::DeleteJobResponse response;
    return Stub<v1::JobService>()->DeleteJob(&context, request, &response);
  }

  grpc::Status Download(const std::string& name, const std::string& artifact, uint64_t offset, std::string* bytes,
                        v1::Artifact* info = nullptr) {
    grpc::ClientContext context;
    v1::DownloadArtifactRequest request;
    request.set_name(name);
    request.set_artifact(artifact);
    request.set_offset(offset);
    const auto reader = Stub<v1::JobService>()->DownloadArtifact(&context, request);
    for (v1::DownloadArtifactResponse message; reader->Read(&message);) {
      if (info != nullptr && message.has_artifact()) *info = message.artifact();
      *bytes += message.data();
    }
    return reader->Finish();
  }
};

TEST_F(JobRpcTest, PruningRunsToItsCircuit) {
  v1::SubmitJobResponse response;
  ASSERT_TRUE(TrySubmit(SmallJob(), &response, "ann").ok());
  EXPECT_EQ(response.job().owner(), "ann");
  const std::string name = response.job().name();
  const std::vector<v1::WatchJobResponse> messages = Watch(name);
  ASSERT_GE(messages.size(), 5u);
  EXPECT_TRUE(messages.front().has_job());
  uint64_t sequence = 0;
  uint64_t decisions = 0;
  for (size_t i = 1; i + 1 < messages.size(); ++i) {
    const v1::JobEvent& event = messages[i].event();
    EXPECT_EQ(event.sequence(), ++sequence);
    if (!event.has_decision()) continue;
    EXPECT_EQ(event.decision().decision().index(), decisions++);
    // A reader that lags behind is told only once how far the job is.
    if (!event.decision().has_progress()) continue;
    EXPECT_EQ(event.decision().progress().steps_done(), decisions);
  }
  const v1::Job& job = messages.back().job();
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error().message();
  EXPECT_EQ(job.last_sequence(), sequence);
  EXPECT_EQ(job.node_pruning().decision_count(), decisions);
  EXPECT_GT(decisions, 36u);
  EXPECT_GT(job.node_pruning().circuit().nodes_size(), 0);
  ASSERT_EQ(job.artifacts_size(), 8);
  for (const v1::Artifact& artifact : job.artifacts()) {
    std::string bytes, rest;
    v1::Artifact info;
    ASSERT_TRUE(Download(name, artifact.name(), 0, &bytes, &info).ok());
    EXPECT_EQ(info.sha256(), artifact.sha256());
    EXPECT_EQ(Sha256Hex(bytes), artifact.sha256());
    EXPECT_EQ(bytes.size(), artifact.size_bytes());
    ASSERT_TRUE(Download(name, artifact.name(), 3, &rest).ok());
    EXPECT_EQ(rest, bytes.substr(3));
  }
  EXPECT_EQ(job.artifacts(6).name(), "heads.json");
  EXPECT_EQ(job.artifacts(6).media_type(), "application/json");
  EXPECT_EQ(job.artifacts(7).name(), "report.html");
  EXPECT_EQ(job.artifacts(7).media_type(), "text/html");
  std::string bytes;
  ASSERT_TRUE(Download(name, "report.html", 0, &bytes).ok());
  EXPECT_NE(bytes.find(absl::StrCat("\"count\":", decisions)), std::string::npos);
  bytes.clear();
  EXPECT_EQ(ViolatedField(Download(name, "circuit.json", uint64_t{1} << 60, &bytes)), "offset");
  EXPECT_EQ(Download(name, "nope", 0, &bytes).error_code(), grpc::StatusCode::NOT_FOUND);
  // Who comes later sees the same events.
  EXPECT_EQ(Watch(name, 2).size(), messages.size() - 2);
}

TEST_F(JobRpcTest, ValidateOnlyTellsTheCostAndQueuesNothing) {
  v1::SubmitJobRequest request = SmallJob();
  request.set_validate_only(true);
  v1::SubmitJobResponse response;
  const grpc::Status status = TrySubmit(request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_FALSE(response.has_job());
  EXPECT_EQ(response.estimate().prompt_count(), 3u);
  EXPECT_GE(response.estimate().candidates_per_iteration(), 36u);
  EXPECT_GT(response.estimate().memory_bytes(), 0u);
  EXPECT_GT(response.estimate().seconds_per_iteration(), 0);
  grpc::ClientContext context;
  v1::ListJobsResponse jobs;
  ASSERT_TRUE(Stub<v1::JobService>()->ListJobs(&context, {}, &jobs).ok());
  EXPECT_EQ(jobs.jobs_size(), 0);
}

TEST_F(JobRpcTest, BadSpecsAreRefusedAtSubmit) {
  v1::SubmitJobRequest request = SmallJob();
  request.mutable_spec()->mutable_node_pruning()->set_threshold(150);
  EXPECT_EQ(ViolatedField(TrySubmit(request)), "spec.node_pruning.threshold");
  request = SmallJob();
  request.mutable_spec()->mutable_node_pruning()->set_model("gpt5");
  grpc::Status status = TrySubmit(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ViolatedField(status), "spec.node_pruning.model");
  request = SmallJob();
  request.mutable_spec()->mutable_node_pruning()->mutable_prompts()->set_pairs_dataset_sha256(std::string(64, 'a'));
  status = TrySubmit(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ViolatedField(status), "spec.node_pruning.prompts.pairs_dataset_sha256");
  request = SmallJob();
  request.mutable_spec()->mutable_node_pruning()->set_model("nano");
  EXPECT_EQ(TrySubmit(request).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ViolatedField(TrySubmit({})), "spec.kind");
  status = TrySubmit(SmallJob(), nullptr, std::string(129, 'u'));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ViolatedField(status), "metadata circuitd-user");
}

TEST_F(JobRpcTest, SameRequestIdIsTheSameJob) {
  v1::SubmitJobRequest request = SmallJob();
  request.set_request_id("once");
  const v1::Job job = Submit(request);
  EXPECT_EQ(Submit(request).name(), job.name());
  request.mutable_spec()->set_priority(1);
  const grpc::Status status = TrySubmit(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(ViolatedField(status), "request_id");
}

TEST_F(JobRpcTest, FieldsThatTheServerDoesNotKnowAreNotKept) {
  v1::SubmitJobRequest request = SmallJob();
  request.set_request_id("once");
  const v1::Job job = Submit(request);
  v1::JobSpec& spec = *request.mutable_spec();
  const std::string junk(100'000, 'x');
  for (google::protobuf::Message* message :
       {static_cast<google::protobuf::Message*>(&spec),
        static_cast<google::protobuf::Message*>(spec.mutable_node_pruning()->mutable_prompts()->mutable_task())}) {
    message->GetReflection()->MutableUnknownFields(message)->AddLengthDelimited(1000, junk);
  }
  EXPECT_EQ(Submit(request).name(), job.name());
  request.set_request_id("another");
  EXPECT_LT(Submit(request).ByteSizeLong(), 1000u);
}

TEST_F(JobRpcTest, CircuitJsonTellsTheEffectivePrompts) {
  v1::SubmitJobRequest request = SmallJob();
  v1::PromptSource& prompts = *request.mutable_spec()->mutable_node_pruning()->mutable_prompts();
  prompts.mutable_task()->set_seed(9'007'199'254'740'993);
  const v1::Job job = Submit(request);
  ASSERT_EQ(Watch(job.name()).back().job().state(), v1::JOB_STATE_SUCCEEDED);
  std::string bytes;
  ASSERT_TRUE(Download(job.name(), "circuit.json", 0, &bytes).ok());
  bytes.erase(std::remove_if(bytes.begin(), bytes.end(), [](char c) { return c == ' ' || c == '\n'; }), bytes.end());
  EXPECT_THAT(bytes,
              HasSubstr(R"("task":{"task":"numerals","variants":["done","lost","names"],"seed":9007199254740993})"));
  EXPECT_THAT(bytes, HasSubstr(R"("num_samples":1)"));
}

TEST_F(JobRpcTest, InlinePromptsAreKeptInTheSpecAndCountedInTheReport) {
  v1::SubmitJobRequest request = SmallJob();
  v1::NodePruningSpec& spec = *request.mutable_spec()->mutable_node_pruning();
  spec.set_model("nano");
  *spec.mutable_prompts() = NanoSource();
  const v1::Job job = Watch(Submit(request).name()).back().job();
  ASSERT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error().message();
  EXPECT_EQ(job.spec().node_pruning().prompts().inline_().clean_size(), 2);
  std::string bytes;
  ASSERT_TRUE(Download(job.name(), "circuit.json", 0, &bytes).ok());
  bytes.erase(std::remove_if(bytes.begin(), bytes.end(), [](char c) { return c == ' ' || c == '\n'; }), bytes.end());
  EXPECT_THAT(bytes, HasSubstr(R"("inline":{"clean":2,"corrupted":2,"answers":2})"));
  EXPECT_THAT(bytes, HasSubstr(R"("num_samples":2)"));
  spec.mutable_prompts()->mutable_inline_()->clear_corrupted();
  EXPECT_EQ(ViolatedField(TrySubmit(request)), "spec.node_pruning.prompts.inline.corrupted");
}

TEST_F(JobRpcTest, ListsOfLargeSpecsAreShared) {
  v1::SubmitJobRequest request = LongJob();
  Submit(request);
  v1::PromptSource& prompts = *request.mutable_spec()->mutable_node_pruning()->mutable_prompts();
  prompts.clear_num_samples();
  for (int i = 0; i < 40; ++i) {
    v1::Prompt& clean = *prompts.mutable_inline_()->add_clean() = Ids({5, 6});
    for (int role = 0; role < 64; ++role) (*clean.mutable_roles())[std::string(60, 'x') + std::to_string(role)] = 1;
    *prompts.mutable_inline_()->add_corrupted() = Ids({7, 6});
    *prompts.mutable_inline_()->add_answers()->add_correct() = Ids({0});
    *prompts.mutable_inline_()->mutable_answers(i)->add_incorrect() = Ids({1});
  }
  for (int i = 0; i < 6; ++i) Submit(request);
  v1::ListJobsRequest list;
  int jobs = 0;
  int pages = 0;
  do {
    grpc::ClientContext context;
    v1::ListJobsResponse page;
    ASSERT_TRUE(Stub<v1::JobService>()->ListJobs(&context, list, &page).ok());
    EXPECT_LT(page.ByteSizeLong(), size_t{3} << 19);
    list.set_page_token(page.next_page_token());
    jobs += page.jobs_size();
    ++pages;
  } while (!list.page_token().empty());
  EXPECT_EQ(jobs, 7);
  EXPECT_GT(pages, 1);
}

TEST_F(JobRpcTest, RunningJobLetsCallsInAndStopsWhenCancelled) {
  const v1::Job job = Submit(LongJob());
  WaitForDecision(job.name());
  v1::ForwardRequest request;
  request.set_model("seqcont");
  request.add_prompts()->mutable_tokens()->add_ids(1);
  grpc::ClientContext context;
  const auto reader = Stub<v1::InferenceService>()->Forward(&context, request);
  v1::ForwardResponse answer;
  EXPECT_TRUE(reader->Read(&answer));
  EXPECT_FALSE(reader->Read(&answer));
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(Delete(job.name()).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(Cancel(job.name()).ok());
  EXPECT_EQ(Watch(job.name()).back().job().state(), v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(Cancel(job.name()).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  std::string bytes;
  EXPECT_EQ(Download(job.name(), "circuit.json", 0, &bytes).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_TRUE(Delete(job.name()).ok());
  EXPECT_EQ(Delete(job.name()).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(JobRpcTest, FullQueueIsRefusedAtOnceAndListedJobsCanBeFiltered) {
  ServerOptions options = TestOptions();
  options.max_queued_jobs = 1;
  Start(options);
  const v1::Job running = Submit(LongJob());
  WaitForDecision(running.name());
  const v1::Job queued = Submit(SmallJob());
  EXPECT_EQ(queued.state(), v1::JOB_STATE_QUEUED);
  const grpc::Status status = TrySubmit(SmallJob());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("max_queued_jobs is 1"));
  EXPECT_NE(status.error_details(), "");

  v1::ListJobsRequest request;
  v1::ListJobsResponse response;
  grpc::ClientContext all, some, bad;
  ASSERT_TRUE(Stub<v1::JobService>()->ListJobs(&all, request, &response).ok());
  ASSERT_EQ(response.jobs_size(), 2);
  EXPECT_EQ(response.jobs(0).name(), queued.name());
  request.add_states(v1::JOB_STATE_RUNNING);
  ASSERT_TRUE(Stub<v1::JobService>()->ListJobs(&some, request, &response).ok());
  ASSERT_EQ(response.jobs_size(), 1);
  EXPECT_EQ(response.jobs(0).name(), running.name());
  request.add_states(v1::JOB_STATE_UNSPECIFIED);
  EXPECT_EQ(ViolatedField(Stub<v1::JobService>()->ListJobs(&bad, request, &response)), "states[1]");
}

TEST_F(JobRpcTest, UnknownJobsAndBadNamesAreTold) {
  EXPECT_EQ(Cancel("jobs/aaaaaaaaaaaa").error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ViolatedField(Cancel("7")), "name");
  const v1::Job job = Submit(SmallJob());
  grpc::ClientContext context;
  v1::WatchJobRequest request;
  request.set_name(job.name());
  request.set_after_sequence(1'000'000);
  const auto reader = Stub<v1::JobService>()->WatchJob(&context, request);
  v1::WatchJobResponse message;
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_EQ(ViolatedField(reader->Finish()), "after_sequence");
}

TEST_F(JobRpcTest, DrainPausesTheJobAndSendsWatchersAway) {
  ServerOptions options = TestOptions();
  options.drain_timeout = absl::Milliseconds(10);
  Start(options);
  const v1::Job job = Submit(LongJob());
  WaitForDecision(job.name());
  grpc::ClientContext context;
  v1::WatchJobRequest request;
  request.set_name(job.name());
  const auto reader = Stub<v1::JobService>()->WatchJob(&context, request);
  v1::WatchJobResponse message, last;
  ASSERT_TRUE(reader->Read(&message));
  std::thread drain([this] { server_->Drain(); });
  while (reader->Read(&message)) last = message;
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(last.event().state(), v1::JOB_STATE_QUEUED);
  drain.join();
  // The next server goes on with it, and the watch with the next event.
  Start(options);
  grpc::ClientContext again;
  request.set_after_sequence(last.event().sequence());
  const auto later = Stub<v1::JobService>()->WatchJob(&again, request);
  ASSERT_TRUE(later->Read(&message));
  EXPECT_EQ(message.job().name(), job.name());
  ASSERT_TRUE(later->Read(&message));
  EXPECT_EQ(message.event().sequence(), last.event().sequence() + 1);
  EXPECT_EQ(message.event().state(), v1::JOB_STATE_RUNNING);
  EXPECT_TRUE(Cancel(job.name()).ok());
}

}  // namespace
}  // namespace circuitd
