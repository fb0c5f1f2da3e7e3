// `circuit task` against a scripted server.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/client/run_command.h"
#include "tests/unit/client/temp_folder.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

v1::GeneratePromptsResponse OnePair() {
  v1::GeneratePromptsResponse response;
  v1::PromptPair* pair = response.mutable_pairs()->add_pairs();
  // Half a character each: no text of its own.
  *pair->add_clean() = MakeToken(5, "\xe6\x97");
  *pair->add_clean() = MakeToken(6, "\xa5");
  *pair->add_corrupted() = MakeToken(7, " a");
  *pair->add_correct() = MakeToken(8, " \"b\"");
  *pair->add_incorrect() = MakeToken(9, "\n");
  (*pair->mutable_roles())["end"] = 1;
  pair->set_correct_probability(0.75);
  return response;
}

TEST(TaskCommandTest, ListsTasks) {
  ScriptedServer server;
  v1::Task* task = server.tasks.list.add_tasks();
  task->set_name("numerals");
  task->add_variants("done");
  task->add_roles("last_member");
  task->set_description("counts on");
  for (const std::vector<std::string>& words : {std::vector<std::string>{"task"}, {"task", "list"}}) {
    const CommandRun run = RunCommand(server, words);
    ASSERT_TRUE(run.ok()) << run.status();
    EXPECT_THAT(run.out, HasSubstr("numerals  done      last_member  counts on"));
  }
}

TEST(TaskCommandTest, WritesPromptsAsLinesOfTokenIds) {
  ScriptedServer server;
  const TempFolder folder;
  v1::GeneratePromptsResponse summary;
  summary.mutable_summary()->set_generated(2);
  server.tasks.generate.Add({{summary, OnePair(), OnePair()}, grpc::Status::OK});
  const CommandRun run = RunCommand(server, {"task", "generate", "ioi", "-m", "m", "--variants", "a,b", "--seed", "3",
                                             "-n", "2", "--filter", "-o", folder.File("x.jsonl")});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run.out, "");
  const std::string lines = folder.Read("x.jsonl");
  const std::string line = lines.substr(0, lines.find('\n'));
  EXPECT_EQ(lines, line + "\n" + line + "\n");
  EXPECT_EQ(nlohmann::json::parse(line), nlohmann::json::parse(R"({
      "clean": [5, 6], "corrupted": [7], "correct": [8], "incorrect": [9], "roles": {"end": 1},
      "correct_probability": 0.75, "incorrect_probability": 0.0,
      "text": {"clean": "日", "corrupted": " a", "correct": [" \"b\""], "incorrect": ["\\n"]}})"));
  const v1::GeneratePromptsRequest request = server.tasks.generate.requests().at(0);
  EXPECT_EQ(request.prompts().task().task(), "ioi");
  EXPECT_THAT(request.prompts().task().variants(), ElementsAre("a", "b"));
  EXPECT_EQ(request.prompts().num_samples(), 2u);
  EXPECT_TRUE(request.filter());
}

TEST(TaskCommandTest, WritesToStandardOutputWithoutAFile) {
  ScriptedServer server;
  v1::GeneratePromptsResponse summary;
  summary.mutable_summary()->set_generated(1);
  server.tasks.generate.Add({{summary, OnePair()}, grpc::Status::OK});
  const CommandRun run = RunCommand(server, {"task", "generate", "ioi", "-m", "m"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_FALSE(nlohmann::json::parse(run.out).contains("correct_probability"));
}

TEST(TaskCommandTest, ReportsAReplyWithoutSummary) {
  ScriptedServer server;
  server.tasks.generate.Add({{OnePair()}, grpc::Status::OK});
  EXPECT_EQ(RunCommand(server, {"task", "generate", "ioi", "-m", "m"}).status().code(), absl::StatusCode::kDataLoss);
}

TEST(TaskCommandTest, LeavesNoFileOfACallThatFails) {
  ScriptedServer server;
  const TempFolder folder;
  server.tasks.generate.Add({{OnePair()}, grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone")});
  EXPECT_EQ(RunCommand(server, {"task", "generate", "ioi", "-m", "m", "-o", folder.File("x")}).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_FALSE(folder.Has("x"));
  EXPECT_FALSE(folder.Has("x.part"));
}

}  // namespace
}  // namespace circuitd::client
