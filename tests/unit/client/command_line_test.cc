#include <pty.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "circuitd/v1/inference.pb.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/json_output.h"
#include "client/cli/prompt_options.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/client/temp_folder.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> Texts(const Prompts& prompts) {
  std::vector<std::string> texts;
  for (const v1::Prompt& prompt : prompts) texts.push_back(prompt.text());
  return texts;
}

// As main parses them: a command's words without the program's name.
absl::StatusOr<Prompts> ParsePrompts(std::vector<std::string> words) {
  CLI::App app;
  PromptOptions options;
  options.AddTo(app);
  AddRawOption(app, "--chosen", "");
  std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
  app.parse(words);
  return options.Read();
}

TEST(PromptOptionsTest, TakesTextsAsTheyAre) {
  EXPECT_THAT(Texts(*ParsePrompts({"a b", "", "[a,b]", "{}", "--", "--json"})),
              ElementsAre("a b", "", "[a,b]", "{}", "--json"));
}

TEST(PromptOptionsTest, OptionsDoNotSwallowTheArgumentsAfterThem) {
  EXPECT_THAT(Texts(*ParsePrompts({"--chosen", "[x,y]", "first", "--chosen", "z", "second"})),
              ElementsAre("first", "second"));
}

TEST(PromptOptionsTest, TakesIdsAndFilesAfterTexts) {
  const TempFolder folder;
  const auto prompts = ParsePrompts({"--file", folder.Write("prompts", "one\n\ntwo\n"), "--ids", "1,2", "text"});
  ASSERT_TRUE(prompts.ok()) << prompts.status();
  EXPECT_THAT(Texts(*prompts), ElementsAre("text", "", "one", "", "two"));
  EXPECT_THAT((*prompts)[1].tokens().ids(), ElementsAre(1, 2));
}

TEST(PromptOptionsTest, AsksForAPrompt) { EXPECT_THAT(ParsePrompts({}).status().message(), HasSubstr("no prompt")); }

TEST(ParseAnswerTest, ReadsOneTokenOrAListOfThem) {
  EXPECT_THAT(Texts(ParseAnswer(" 5")), ElementsAre(" 5"));
  EXPECT_THAT(Texts(ParseAnswer("[\" 51\", \" 52\"]")), ElementsAre(" 51", " 52"));
  EXPECT_EQ(ParseAnswer("[7]")[0].tokens().ids(0), 7u);
  for (const char* text : {"[", "[x]", "[-1]", "[[1]]", "[]"}) EXPECT_THAT(Texts(ParseAnswer(text)), ElementsAre(text));
}

TEST(JsonTest, AddsReadableTextToTokens) {
  v1::TokenizeResponse response;
  v1::Token* token = response.add_prompts()->add_tokens();
  token->set_id(3);
  token->set_text("\xc4");
  const std::string line = JsonLine(response);
  EXPECT_EQ(line.back(), '\n');
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(nlohmann::json::parse(line),
            nlohmann::json::parse(R"({"prompts": [{"tokens": [{"id": 3, "text": "xA==", "readable": "\\xc4"}]}]})"));
}

TEST(JsonTest, WritesDefaultsAndAsciiOnly) {
  v1::Job job;
  job.set_owner("\u009b\u00e9");
  const std::string document = JsonDocument(job);
  EXPECT_THAT(document, HasSubstr("\"owner\": \"\\u009b\\u00e9\""));
  EXPECT_THAT(document, HasSubstr("\"lastSequence\": \"0\""));
  EXPECT_THAT(document, HasSubstr("\"state\": \"JOB_STATE_UNSPECIFIED\""));
}

TEST(CommandContextTest, RunsTheInnermostCommand) {
  Output out(-1);
  CommandContext context(out);
  CLI::App app;
  CLI::App* outer = app.add_subcommand("outer");
  CLI::App* inner = outer->add_subcommand("inner");
  context.Register(outer, [] { return 11; });
  context.Register(inner, [] { return 12; });
  app.parse("outer");
  EXPECT_EQ(context.RunParsed().value(), 11);
  app.parse("outer inner");
  EXPECT_EQ(context.RunParsed().value(), 12);
}

TEST(OutputTest, RemembersWhyOutputWasLost) {
  Output closed(-1);
  closed.Write("x");
  EXPECT_FALSE(closed.status().ok());
}

TEST(OutputTest, FallsSilentWhenTheReaderHasGone) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  PrepareStandardStreams();
  close(fds[0]);
  Output out(fds[1]);
  out.Write("x");
  out.Write("y");
  EXPECT_TRUE(out.status().ok());
  close(fds[1]);
}

// A terminal for the length of a test, with the environment that it is asked about.
class ColourDepthTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"NO_COLOR", "COLORTERM", "TERM"}) {
      const char* value = std::getenv(name);
      if (value != nullptr) before_[name] = value;
      unsetenv(name);
    }
    ASSERT_EQ(openpty(&controller_, &terminal_, nullptr, nullptr, nullptr), 0);
  }
  void TearDown() override {
    for (const char* name : {"NO_COLOR", "COLORTERM", "TERM"}) unsetenv(name);
    for (const auto& [name, value] : before_) setenv(name.c_str(), value.c_str(), 1);
    close(terminal_);
    close(controller_);
  }
  int terminal_ = -1;

 private:
  int controller_ = -1;
  std::map<std::string, std::string> before_;
};

TEST_F(ColourDepthTest, FollowsTheEnvironment) {
  EXPECT_EQ(ColourDepthOf(terminal_), ColourDepth::k256);
  for (const char* value : {"truecolor", "24bit"}) {
    setenv("COLORTERM", value, 1);
    EXPECT_EQ(ColourDepthOf(terminal_), ColourDepth::k24Bit);
  }
  setenv("TERM", "dumb", 1);
  EXPECT_EQ(ColourDepthOf(terminal_), ColourDepth::kNone);
  unsetenv("TERM");
  setenv("NO_COLOR", "1", 1);
  EXPECT_EQ(ColourDepthOf(terminal_), ColourDepth::kNone);
}

TEST_F(ColourDepthTest, HasNoColoursWhereThereIsNoTerminal) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  setenv("COLORTERM", "truecolor", 1);
  EXPECT_EQ(ColourDepthOf(fds[1]), ColourDepth::kNone);
  close(fds[0]);
  close(fds[1]);
}

TEST(JobNameTest, CompletesAnId) {
  EXPECT_EQ(JobName("7"), "jobs/7");
  EXPECT_EQ(JobName("jobs/7"), "jobs/7");
}

}  // namespace
}  // namespace circuitd::client
