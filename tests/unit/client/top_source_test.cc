#include "client/cli/top_source.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/channel.h"
#include "gmock/gmock.h"
#include "tests/unit/client/scripted_server.h"

namespace circuitd::client {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

v1::Job JobOf(const std::string& name, v1::JobState state, int64_t created, int64_t ended = 0) {
  v1::Job job;
  job.set_name(name);
  job.set_state(state);
  job.mutable_create_time()->set_seconds(created);
  if (ended > 0) job.mutable_end_time()->set_seconds(ended);
  return job;
}

std::vector<std::string> NamesOf(const std::vector<v1::Job>& jobs) {
  std::vector<std::string> names;
  for (const v1::Job& job : jobs) names.push_back(job.name());
  return names;
}

absl::StatusOr<std::unique_ptr<Client>> ClientOf(const std::string& address) {
  ClientOptions options;
  options.retry.give_up_after = absl::ZeroDuration();
  return Client::Create(MakeChannel(address), options);
}

TopSource SourceOf(const std::string& address) {
  return TopSource(ClientOf(address).value(), [address] { return ClientOf(address); });
}

class TopSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.jobs.list = [this](const v1::ListJobsRequest& request, v1::ListJobsResponse* response) {
      if (before_list_) before_list_(request);
      size_t at = request.page_token().empty() ? 0 : std::stoul(request.page_token());
      // As servers do, which have pages of no more than so many bytes too.
      const size_t most = std::min<size_t>(request.page_size(), 150);
      for (; at < jobs_.size() && response->jobs_size() < static_cast<int>(most); ++at) {
        const auto& states = request.states();
        if (std::find(states.begin(), states.end(), jobs_[at].state()) != states.end())
          *response->add_jobs() = jobs_[at];
      }
      if (at < jobs_.size()) response->set_next_page_token(std::to_string(at));
      return grpc::Status::OK;
    };
    server_.jobs.get = [this](grpc::ServerContext*, const v1::GetJobRequest& request, v1::GetJobResponse* response) {
      for (const v1::Job& job : jobs_) {
        if (job.name() != request.name()) continue;
        *response->mutable_job() = job;
        return grpc::Status::OK;
      }
      return grpc::Status(grpc::StatusCode::NOT_FOUND, "");
    };
  }

  void AddEndedJobs(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const auto time = static_cast<int64_t>(100 + i);
      jobs_.insert(jobs_.begin(), JobOf("jobs/later" + std::to_string(i), v1::JOB_STATE_SUCCEEDED, time, time));
    }
  }

  ScriptedServer server_;
  // The newest first, as servers have them.
  std::vector<v1::Job> jobs_;
  std::function<void(const v1::ListJobsRequest&)> before_list_;
};

TEST_F(TopSourceTest, HasTheJobThatEndedLastAmongManyThatWereSubmittedLater) {
  jobs_ = {JobOf("jobs/long", v1::JOB_STATE_FAILED, 1, 5000)};
  AddEndedJobs(199);
  const auto snapshot = SourceOf(server_.address()).Take();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  ASSERT_THAT(snapshot->ended, SizeIs(10));
  EXPECT_EQ(snapshot->ended[0].name(), "jobs/long");
  EXPECT_EQ(snapshot->ended[1].name(), "jobs/later198");
}

TEST_F(TopSourceTest, KeepsAJobThatItSawUntilItIsDeleted) {
  jobs_ = {JobOf("jobs/long", v1::JOB_STATE_RUNNING, 1)};
  TopSource source = SourceOf(server_.address());
  ASSERT_TRUE(source.Take().ok());
  jobs_ = {JobOf("jobs/long", v1::JOB_STATE_SUCCEEDED, 1, 5000)};
  AddEndedJobs(300);
  for (int i = 0; i < 2; ++i) {
    const auto snapshot = source.Take();
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    EXPECT_THAT(snapshot->running, IsEmpty());
    ASSERT_THAT(snapshot->ended, SizeIs(10));
    EXPECT_EQ(snapshot->ended[0].name(), "jobs/long");
  }
  jobs_.pop_back();
  const auto snapshot = source.Take();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(NamesOf(snapshot->ended), Not(Contains("jobs/long")));
}

TEST_F(TopSourceTest, HasAllJobsThatWait) {
  for (int i = 0; i < 2500; ++i) jobs_.push_back(JobOf("jobs/" + std::to_string(i), v1::JOB_STATE_QUEUED, 9000 - i));
  jobs_.push_back(JobOf("jobs/oldest", v1::JOB_STATE_RUNNING, 1));
  const auto snapshot = SourceOf(server_.address()).Take();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(snapshot->queued, SizeIs(2500));
  EXPECT_THAT(NamesOf(snapshot->running), ElementsAre("jobs/oldest"));
}

TEST_F(TopSourceTest, HasAJobOnceThatGoesOnMeanwhile) {
  jobs_ = {JobOf("jobs/begins", v1::JOB_STATE_QUEUED, 2), JobOf("jobs/yields", v1::JOB_STATE_RUNNING, 1)};
  TopSource source = SourceOf(server_.address());
  ASSERT_TRUE(source.Take().ok());
  before_list_ = [this](const v1::ListJobsRequest& request) {
    if (request.states(0) != v1::JOB_STATE_RUNNING) return;
    jobs_[0].set_state(v1::JOB_STATE_RUNNING);
    jobs_[1].set_state(v1::JOB_STATE_QUEUED);
  };
  const auto snapshot = source.Take();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(NamesOf(snapshot->running), ElementsAre("jobs/begins"));
  EXPECT_THAT(NamesOf(snapshot->queued), ElementsAre("jobs/yields"));
}

TEST_F(TopSourceTest, FindsAServerThatIsBackWithItsNextCall) {
  auto server = std::make_unique<ScriptedServer>();
  const std::string address = server->address();
  const auto list = [](const v1::ListJobsRequest&, v1::ListJobsResponse*) { return grpc::Status::OK; };
  server->jobs.list = list;
  TopSource source = SourceOf(address);
  ASSERT_TRUE(source.Take().ok());
  server.reset();
  // The more attempts fail, the longer a connection waits for the next one.
  for (int i = 0; i < 20; ++i) EXPECT_EQ(source.Take().status().code(), absl::StatusCode::kUnavailable);
  server = std::make_unique<ScriptedServer>(address);
  server->jobs.list = list;
  const absl::Status status = source.Take().status();
  EXPECT_TRUE(status.ok()) << status;
}

}  // namespace
}  // namespace circuitd::client
