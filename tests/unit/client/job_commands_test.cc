// The commands about jobs against a scripted server.
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/exit_code.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/client/run_command.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const grpc::Status kAway(grpc::StatusCode::UNAVAILABLE, "away");

// Remembers what it was asked for, and answers "jobs/7".
class SubmitCommandTest : public testing::Test {
 protected:
  SubmitCommandTest() {
    server_.jobs.submit = [this](const v1::SubmitJobRequest& request, v1::SubmitJobResponse* response) {
      requests_.push_back(request);
      response->mutable_job()->set_name("jobs/7");
      *response->mutable_job()->mutable_spec() = request.spec();
      return grpc::Status::OK;
    };
  }

  ScriptedServer server_;
  std::vector<v1::SubmitJobRequest> requests_;
};

TEST_F(SubmitCommandTest, PrintsTheJobsNameAndLeavesItAlone) {
  const CommandRun run = RunCommand(server_, {"submit", "-m", "m", "-t", "numerals", "--no-cache", "--priority", "3"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run.out, "jobs/7\n");
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_TRUE(requests_[0].no_cache());
  EXPECT_EQ(requests_[0].spec().priority(), 3);
  EXPECT_THAT(server_.jobs.watch.requests(), IsEmpty());
}

TEST_F(SubmitCommandTest, PrintsTheResponseAsJson) {
  const CommandRun run = RunCommand(server_, {"submit", "-m", "m", "-t", "numerals", "--json"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(nlohmann::json::parse(run.out)["job"]["name"], "jobs/7");
}

TEST_F(SubmitCommandTest, HasNoOptionsForFilesAndWatching) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"-o", "x"}, {"--force"}, {"--cancel-on-disconnect"}, {"--detach"}}) {
    std::vector<std::string> line = {"submit", "-m", "m", "-t", "numerals"};
    line.insert(line.end(), words.begin(), words.end());
    EXPECT_EQ(RunCommand(server_, line).status().code(), absl::StatusCode::kInvalidArgument) << words[0];
  }
  EXPECT_THAT(requests_, IsEmpty());
}

TEST(RmCommandTest, GoesOnAfterAFailureAndEndsWithTheFirstOnesCode) {
  ScriptedServer server;
  std::vector<std::string> removed;
  server.jobs.remove = [&](const v1::DeleteJobRequest& request) {
    removed.push_back(request.name());
    if (request.name() == "jobs/a") return grpc::Status(grpc::StatusCode::NOT_FOUND, "no jobs/a");
    if (request.name() == "jobs/b") return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "jobs/b runs");
    return grpc::Status::OK;
  };
  const CommandRun run = RunCommand(server, {"rm", "c", "jobs/a", "b", "d"});
  EXPECT_EQ(run.exit_code.value(), kExitNotFound);
  EXPECT_THAT(removed, ElementsAre("jobs/c", "jobs/a", "jobs/b", "jobs/d"));
  EXPECT_THAT(run.err, HasSubstr("NOT_FOUND: no jobs/a\n"));
  EXPECT_THAT(run.err, HasSubstr("FAILED_PRECONDITION: jobs/b runs\n"));
}

TEST(RmCommandTest, AsksNoFurtherWhenNobodyIsThere) {
  ScriptedServer server;
  int asked = 0;
  server.jobs.remove = [&](const v1::DeleteJobRequest&) {
    ++asked;
    return kAway;
  };
  EXPECT_EQ(RunCommand(server, {"--retry-for", "0", "rm", "a", "b"}).status(), absl::UnavailableError("away"));
  EXPECT_EQ(asked, 1);
}

// Lists `jobs`, and remembers what it was asked for.
class JobsCommandTest : public testing::Test {
 protected:
  JobsCommandTest() {
    server_.jobs.list = [this](const v1::ListJobsRequest& request, v1::ListJobsResponse* response) {
      asked_ = request;
      *response = jobs_;
      return grpc::Status::OK;
    };
  }

  ScriptedServer server_;
  v1::ListJobsRequest asked_;
  v1::ListJobsResponse jobs_;
};

TEST_F(JobsCommandTest, ListsTheJobsOfTheUserThatIsNamedAnywhere) {
  ASSERT_TRUE(RunCommand(server_, {"jobs", "--user", "bob"}).ok());
  EXPECT_EQ(asked_.owner(), "bob");
  ASSERT_TRUE(RunCommand(server_, {"--user", "eve", "jobs", "--state", "queued,running"}).ok());
  EXPECT_EQ(asked_.owner(), "eve");
  EXPECT_THAT(asked_.states(), ElementsAre(v1::JOB_STATE_QUEUED, v1::JOB_STATE_RUNNING));
  ASSERT_TRUE(RunCommand(server_, {"jobs", "--all"}).ok());
  EXPECT_EQ(asked_.owner(), "");
}

TEST_F(JobsCommandTest, SaysWhatJobsWaitForAndWhereResultsAreFrom) {
  v1::Job* queued = jobs_.add_jobs();
  queued->set_state(v1::JOB_STATE_QUEUED);
  queued->set_queue_position(2);
  queued->set_held_back_by("the disk is full");
  v1::Job* cached = jobs_.add_jobs();
  cached->set_state(v1::JOB_STATE_SUCCEEDED);
  cached->mutable_node_pruning()->set_score(81);
  cached->set_cached_from("jobs/3");
  const CommandRun run = RunCommand(server_, {"jobs"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr("2 before it; held back: the disk is full\n"));
  EXPECT_THAT(run.out, HasSubstr("score 81.00 %, 0 nodes, from jobs/3\n"));
}

// A watch that tells of `states`, in which a job stands behind another one at first.
std::vector<v1::WatchJobResponse> WatchOf(const v1::Job& job, const std::vector<v1::JobState>& states) {
  std::vector<v1::WatchJobResponse> messages(1);
  *messages[0].mutable_job() = job;
  for (size_t i = 0; i < states.size(); ++i) {
    v1::JobEvent& event = *messages.emplace_back().mutable_event();
    event.set_sequence(i + 1);
    event.set_state(states[i]);
  }
  *messages.emplace_back().mutable_job() = job;
  messages.back().mutable_job()->set_state(states.back());
  return messages;
}

TEST(WatchCommandTest, SaysWhatAJobWaitsForAndThatItWaitsAgain) {
  ScriptedServer server;
  v1::Job job;
  job.set_name("jobs/7");
  job.set_state(v1::JOB_STATE_QUEUED);
  job.set_last_sequence(1);
  job.set_queue_position(1);
  job.set_cached_from("jobs/3");
  server.jobs.watch.Add({WatchOf(job, {v1::JOB_STATE_QUEUED, v1::JOB_STATE_RUNNING, v1::JOB_STATE_QUEUED,
                                       v1::JOB_STATE_RUNNING, v1::JOB_STATE_SUCCEEDED}),
                         {}});
  const CommandRun run = RunCommand(server, {"watch", "7"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.err, HasSubstr("queued, 1 before it\nrunning\nqueued again\nrunning\nsucceeded\n"));
  EXPECT_THAT(run.err, HasSubstr("this is the result of jobs/3"));
}

TEST(WatchCommandTest, TriesAgainForAWhileWhenNobodyAnswersAtFirst) {
  ScriptedServer server;
  v1::Job job;
  job.set_name("jobs/7");
  server.jobs.watch.Add({{}, kAway});
  server.jobs.watch.Add({WatchOf(job, {v1::JOB_STATE_SUCCEEDED}), {}});
  const CommandRun run = RunCommand(server, {"watch", "7"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.err, HasSubstr(absl::StrCat("no answer from ", server.address(), "; trying again for 3s")));
  server.jobs.watch.Add({{}, kAway});
  const CommandRun once = RunCommand(server, {"watch", "7", "--retry-for", "0"});
  EXPECT_EQ(once.status(), absl::UnavailableError("away"));
  EXPECT_EQ(once.err, "");
}

TEST(RetryForTest, SaysOnceThatItTriesAgain) {
  const CommandRun run = RunCommandAt("127.0.0.1:1", {"--retry-for", "600ms", "jobs"});
  EXPECT_EQ(run.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(run.err, "circuit: no answer from 127.0.0.1:1; trying again for 600ms\n");
}

TEST(RetryForTest, TakesSecondsAndDurationsAlsoFromTheEnvironment) {
  EXPECT_EQ(ParseSeconds("0"), absl::ZeroDuration());
  EXPECT_EQ(ParseSeconds("1.5"), absl::Milliseconds(1500));
  EXPECT_EQ(ParseSeconds("1m30s"), absl::Seconds(90));
  for (const char* text : {"", "soon", "-1", "-1s", "nan"}) EXPECT_EQ(ParseSeconds(text), std::nullopt) << text;
  ASSERT_EQ(setenv("CIRCUITD_RETRY_FOR", "0", 1), 0);
  const CommandRun run = RunCommandAt("127.0.0.1:1", {"jobs"});
  ASSERT_EQ(unsetenv("CIRCUITD_RETRY_FOR"), 0);
  EXPECT_EQ(run.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(RunCommandAt("127.0.0.1:1", {"--retry-for", "soon", "jobs"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(InfoCommandTest, ShowsTheLimitsOfUsersAndHowLongJobsAreKept) {
  ScriptedServer server;
  v1::Limits& limits = *server.server.info.mutable_limits();
  limits.set_max_queued_jobs_per_user(11);
  limits.set_max_running_jobs_per_user(3);
  limits.mutable_retention_age()->set_seconds(30 * 24 * 3600);
  limits.set_retention_bytes(uint64_t{10} << 30);
  const CommandRun run = RunCommand(server, {"info"});
  ASSERT_TRUE(run.ok()) << run.status();
  for (const char* row : {"queued jobs of a user +11\n", "running jobs of a user +3\n", "age of ended jobs +30 days\n",
                          "all ended jobs +10.0 GiB\n"}) {
    EXPECT_THAT(run.out, testing::ContainsRegex(row));
  }
  limits.Clear();
  EXPECT_THAT(RunCommand(server, {"info"}).out, testing::ContainsRegex("age of ended jobs +no limit\n"));
}

TEST(InfoCommandTest, ShowsWhatDevicesHaveDoneSinceTheStart) {
  ScriptedServer server;
  v1::GetServerInfoResponse& info = server.server.info;
  v1::Device& device = *info.add_devices();
  device.set_name("cpu");
  device.set_memory_bytes(uint64_t{16} << 30);
  device.set_used_memory_bytes(uint64_t{3} << 29);
  device.mutable_busy_time()->set_seconds(25);
  info.set_default_device("cpu");
  // An older server does not say.
  EXPECT_THAT(RunCommand(server, {"info"}).out, testing::ContainsRegex("cpu +16.0 GiB +1.5 GiB +default\n"));
  info.mutable_uptime()->set_seconds(200);
  info.mutable_start_time()->set_seconds(1'800'000'000);
  const std::string out = RunCommand(server, {"info"}).out;
  EXPECT_THAT(out, testing::ContainsRegex("cpu +16.0 GiB +1.5 GiB +12.5 % +default\n"));
  EXPECT_THAT(out, testing::ContainsRegex("\nStarted 2027-01-1[45] "));
}

}  // namespace
}  // namespace circuitd::client
