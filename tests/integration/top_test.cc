// `circuit top` on a terminal, on none, and while its server goes and comes.
#include <gmock/gmock.h>

#include <csignal>
#include <string>
#include <thread>

#include "tests/integration/server_process.h"

namespace circuitd {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kEnter[] = "\x1b[?1049h\x1b[?25l";
constexpr char kLeave[] = "\x1b[?25h\x1b[?1049l";

size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::string ShortName(const std::string& job) { return job.substr(job.find('/') + 1); }

class TopTest : public SharedServerTest {
 protected:
  static std::unique_ptr<Subprocess> Top(std::vector<std::string> more = {"--interval", "0.2"}) {
    more.insert(more.begin(), "top");
    return server_->StartClient(more, /*terminal_columns=*/80);
  }
  static std::string Version() { return server_->RunJson({"info"})["version"]; }
};

// What ended `top` left the terminal as it was at first.
void ExpectRestored(const Subprocess& top) {
  EXPECT_EQ(CountOf(top.out(), kEnter), CountOf(top.out(), kLeave));
  EXPECT_GT(top.out().rfind(kLeave), top.out().rfind("\x1b[J"));
  const termios settings = top.TerminalSettings();
  EXPECT_EQ(settings.c_lflag & (ICANON | ECHO | ISIG), static_cast<tcflag_t>(ICANON | ECHO | ISIG));
}

TEST_F(TopTest, ShowsARunningJobUntilItQuits) {
  const std::string job = server_->StartLongJob();
  const auto top = Top();
  EXPECT_TRUE(top->WaitForOutput("RUNNING 1"));
  EXPECT_TRUE(top->WaitForOutput("\n" + ShortName(job) + "  tester"));
  EXPECT_TRUE(top->WaitForOutput("q quit"));
  EXPECT_THAT(top->out(), AllOf(HasSubstr(kEnter), HasSubstr("MODELS 1")));
  const termios settings = top->TerminalSettings();
  EXPECT_EQ(settings.c_lflag & (ICANON | ECHO), 0u);

  const std::string header = "circuitd " + Version() + " at " + server_->address();
  EXPECT_THAT(top->out(), HasSubstr(header + "  up "));
  // Drawn again at once, in the columns that are left.
  top->Resize(24, 10);
  EXPECT_TRUE(top->WaitForOutput("\x1b[H" + header.substr(0, 22) + "~\x1b[K"));

  top->Type("q");
  EXPECT_EQ(top->Wait(), 0);
  ExpectRestored(*top);
  server_->Cancel(job);
}

TEST_F(TopTest, PausesAndShowsOwnJobsAlone) {
  const auto top = Top();
  EXPECT_TRUE(top->WaitForOutput("No job runs"));
  top->Type("a");
  EXPECT_TRUE(top->WaitForOutput("jobs of tester"));
  EXPECT_TRUE(top->WaitForOutput("None of your jobs runs"));
  top->Type("p");
  EXPECT_TRUE(top->WaitForOutput("PAUSED"));
  top->Type("q");
  EXPECT_EQ(top->Wait(), 0);
  ExpectRestored(*top);
}

TEST_F(TopTest, GivesTheTerminalBackWhateverEndsIt) {
  {
    const auto top = Top();
    EXPECT_TRUE(top->WaitForOutput("q quit"));
    top->Type("\x03");
    EXPECT_EQ(top->Wait(), 130);
    ExpectRestored(*top);
  }
  const auto top = Top();
  EXPECT_TRUE(top->WaitForOutput("q quit"));
  top->Signal(SIGTERM);
  EXPECT_EQ(top->Wait(), 128 + SIGTERM);
  ExpectRestored(*top);
}

TEST_F(TopTest, GivesTheTerminalBackForAsLongAsItIsStopped) {
  const auto top = Top();
  EXPECT_TRUE(top->WaitForOutput("q quit"));
  // Nobody waits here to continue it, so that it goes on at once.
  top->Type("\x1a");
  EXPECT_TRUE(top->WaitForOutput(std::string(kLeave) + kEnter));
  top->Type("q");
  EXPECT_EQ(top->Wait(), 0);
  ExpectRestored(*top);
}

TEST_F(TopTest, ShowsEverythingOnceWithoutATerminal) {
  const Finished once = server_->Run({"top"});
  EXPECT_EQ(once.exit_code, 0) << once.err;
  EXPECT_THAT(once.out, AllOf(HasSubstr("circuitd " + Version()), HasSubstr("\ncpu "), HasSubstr("No job runs"),
                              Not(HasSubstr("\x1b")), Not(HasSubstr("q quit"))));
  const json document = server_->RunJson({"top", "--once"});
  EXPECT_EQ(document["server"]["devices"][0]["name"], "cpu");
  EXPECT_TRUE(document["running"].empty());
  const auto on_terminal = Top({"--once"});
  EXPECT_EQ(on_terminal->Wait(), 0);
  EXPECT_THAT(on_terminal->out(), AllOf(HasSubstr("No job runs"), Not(HasSubstr("\x1b"))));
}

TEST_F(TopTest, WritesALineOfJsonEachIntervalOnATerminal) {
  const auto top = Top({"--json", "--interval", "0.2"});
  EXPECT_TRUE(top->WaitForOutput("\"ended\":"));
  while (CountOf(top->out(), "\n") < 3) {
    ASSERT_TRUE(top->Running());
    std::this_thread::yield();
  }
  top->Type("\x03");
  EXPECT_EQ(top->Wait(), 128 + SIGINT);
  const std::string first = top->out().substr(0, top->out().find('\n'));
  EXPECT_EQ(json::parse(first)["server"]["devices"][0]["name"], "cpu");
}

TEST_F(TopTest, RefusesIntervalsOutOfRange) {
  for (const char* interval : {"0.1", "61", "0", "-1", "nan", "often"}) {
    const Finished refused = server_->Run({"top", "--interval", interval});
    EXPECT_EQ(refused.exit_code, 2) << interval;
    EXPECT_THAT(refused.err, HasSubstr("0.2 to 60"));
  }
}

TEST(TopServerTest, SaysThatItsServerIsGoneUntilItIsBack) {
  const auto server = ServerProcess::Start(ServerFlags());
  ASSERT_NE(server, nullptr);
  const auto top = server->StartClient({"top", "--interval", "0.2"}, /*terminal_columns=*/80);
  EXPECT_TRUE(top->WaitForOutput("No job runs"));
  server->Kill();
  EXPECT_TRUE(top->WaitForOutput("NO ANSWER since "));
  ASSERT_TRUE(server->StartAgain());
  const std::string job = server->StartLongJob();
  EXPECT_TRUE(top->WaitForOutput(ShortName(job)));
  top->Type("q");
  EXPECT_EQ(top->Wait(), 0);
  ExpectRestored(*top);
}

TEST(TopServerTest, EndsWhereNoServerAnswersAtFirst) {
  const TempFolder folder;
  const auto top = StartClient("127.0.0.1:1", folder.path(), {"top", "--retry-for", "0"}, /*terminal_columns=*/80);
  EXPECT_EQ(top->Wait(), 4);
  EXPECT_THAT(top->out(), AllOf(HasSubstr("UNAVAILABLE"), Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace circuitd
