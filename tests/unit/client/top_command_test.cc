// `circuit top` where standard output is no terminal.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/unit/client/run_command.h"

namespace circuitd::client {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

v1::Job JobOf(const std::string& name, v1::JobState state, int64_t created) {
  v1::Job job;
  job.set_name(name);
  job.set_state(state);
  job.mutable_create_time()->set_seconds(created);
  return job;
}

class TopCommandTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.server.info.set_version("9.9");
    server_.server.info.add_devices()->set_name("cpu");
    server_.models.model.set_name("demo");
    server_.models.model.set_state(v1::MODEL_STATE_LOADED);
    server_.jobs.list = [this](const v1::ListJobsRequest& request, v1::ListJobsResponse* response) {
      for (const v1::Job& job : jobs_) {
        for (const int state : request.states()) {
          if (job.state() == state) *response->add_jobs() = job;
        }
      }
      return grpc::Status::OK;
    };
  }

  std::vector<std::string> NamesIn(const char* list) {
    const CommandRun run = RunCommand(server_, {"top", "--json", "--once"});
    EXPECT_TRUE(run.ok()) << run.status();
    std::vector<std::string> names;
    const json document = json::parse(run.out);
    for (const json& job : document[list]) names.push_back(job["name"]);
    return names;
  }

  ScriptedServer server_;
  std::vector<v1::Job> jobs_;
};

TEST_F(TopCommandTest, WritesASnapshotAsText) {
  jobs_ = {JobOf("jobs/one", v1::JOB_STATE_RUNNING, 1)};
  const CommandRun run = RunCommand(server_, {"top"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, AllOf(HasSubstr("circuitd 9.9 at "), HasSubstr("\ncpu "), HasSubstr("\ndemo "),
                             HasSubstr("RUNNING 1"), HasSubstr("\none "), HasSubstr("No job waits")));
}

TEST_F(TopCommandTest, OrdersJobsByWhatComesNext) {
  for (uint32_t i = 0; i < 3; ++i) {
    // The newest are first, as servers have them; two devices have a job each that is next.
    jobs_.push_back(JobOf("q" + std::to_string(i), v1::JOB_STATE_QUEUED, 10 - i));
    jobs_.back().set_queue_position(i / 2);
    jobs_.push_back(JobOf("r" + std::to_string(i), v1::JOB_STATE_RUNNING, 10 - i));
    jobs_.push_back(JobOf("e" + std::to_string(i), v1::JOB_STATE_FAILED, 10 - i));
    jobs_.back().mutable_end_time()->set_seconds(20 + i % 2);
  }
  EXPECT_THAT(NamesIn("queued"), ElementsAre("q1", "q0", "q2"));
  EXPECT_THAT(NamesIn("running"), ElementsAre("r2", "r1", "r0"));
  EXPECT_THAT(NamesIn("ended"), ElementsAre("e1", "e0", "e2"));
}

TEST_F(TopCommandTest, WritesLinesOfJsonUntilNobodyReadsThem) {
  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::string text;
  std::thread reader([&] {
    char c = 0;
    while (std::count(text.begin(), text.end(), '\n') < 2 && read(ends[0], &c, 1) == 1) text += c;
    close(ends[0]);
  });
  Output out(ends[1]);
  CommandContext context(out);
  CLI::App app;
  AddCommands(app, context);
  // The last word first.
  app.parse(std::vector<std::string>{server_.address(), "--server", "0.2", "--interval", "--json", "top"});
  const auto exit_code = context.RunParsed();
  close(ends[1]);
  reader.join();
  ASSERT_TRUE(exit_code.ok()) << exit_code.status();
  EXPECT_EQ(*exit_code, 0);
  const size_t end = text.find('\n');
  EXPECT_EQ(json::parse(text.substr(0, end))["server"]["version"], "9.9");
  EXPECT_EQ(json::parse(text.substr(end + 1))["server"]["version"], "9.9");
}

TEST_F(TopCommandTest, LeavesOutModelsThatAreNotLoaded) {
  server_.models.model.set_state(v1::MODEL_STATE_AVAILABLE);
  const CommandRun run = RunCommand(server_, {"top", "--once"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr("No model is loaded"));
}

TEST_F(TopCommandTest, EndsWithTheErrorOfACallThatFails) {
  server_.jobs.list = nullptr;
  EXPECT_EQ(RunCommand(server_, {"top"}).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace circuitd::client
