// Jobs that are cancelled, left alone and found again, and clients that are interrupted.
#include <gmock/gmock.h>

#include <csignal>

#include "absl/strings/str_cat.h"
#include "tests/integration/job_output.h"
#include "tests/integration/server_process.h"

namespace circuitd {
namespace {

using testing::HasSubstr;
using testing::Not;

// Exit codes of docs/cli.md.
constexpr int kUnfit = 5, kCancelled = 6, kDetached = 130;

class InterruptTest : public SharedServerTest {
 protected:
  // The job that a client of `prune` says it has submitted.
  static std::string JobOf(const Subprocess& client) {
    const std::string said = client.out() + client.err();
    const size_t begin = said.find("jobs/");
    return begin == std::string::npos ? "" : said.substr(begin, said.find_first_of(" \r\n", begin) - begin);
  }

  static std::string StateOf(const std::string& job) { return server_->Job(job).value("state", "no such job"); }

  // A client that has seen its long job make a decision.
  static std::unique_ptr<Subprocess> StartRunningPrune(unsigned short terminal_columns = 0) {
    auto client = server_->StartClient(LongJob(), terminal_columns);
    // Decisions have scores in percent, as lines and in the bar.
    EXPECT_TRUE(client->WaitForOutput("%")) << client->err() << client->out();
    return client;
  }
};

TEST_F(InterruptTest, CancelsARunningJob) {
  const auto client = StartRunningPrune();
  const std::string job = JobOf(*client);
  const Finished cancelled = server_->Run({"cancel", job});
  EXPECT_EQ(cancelled.exit_code, 0) << cancelled.err;
  EXPECT_EQ(client->Wait(), kCancelled);
  EXPECT_THAT(client->err(), HasSubstr(absl::StrCat(job, " cancelled")));
  EXPECT_EQ(StateOf(job), "JOB_STATE_CANCELLED");
  EXPECT_FALSE(server_->client_folder().Has("circuit-out"));
  EXPECT_EQ(server_->Run({"cancel", job}).exit_code, kUnfit);
  EXPECT_EQ(server_->Run({"fetch", job, "-o", "fetched"}).exit_code, kCancelled);
}

TEST_F(InterruptTest, CancelsAJobThatWaits) {
  const std::string running = server_->StartLongJob();
  const auto waiting = server_->StartClient(LongJob());
  ASSERT_TRUE(waiting->WaitForOutput("queued"));
  EXPECT_EQ(server_->Run({"cancel", JobOf(*waiting)}).exit_code, 0);
  EXPECT_EQ(waiting->Wait(), kCancelled);
  EXPECT_EQ(StateOf(running), "JOB_STATE_RUNNING");
  server_->Cancel(running);
}

TEST_F(InterruptTest, TellsAWatcherEverythingThatAKilledClientMissed) {
  const auto client =
      server_->StartClient({"prune", "--model", "demo", "--task", "numerals", "--num-samples", "16", "--one-iter"});
  ASSERT_TRUE(client->WaitForOutput("%"));
  const std::string job = JobOf(*client);
  client->Signal(SIGKILL);
  EXPECT_EQ(client->Wait(), 128 + SIGKILL);
  const Finished watched = server_->Run({"watch", job, "--json"});
  EXPECT_EQ(watched.exit_code, 0) << watched.err;
  const size_t decisions = DecisionsOf(EventsOf(watched.out)).size();
  EXPECT_GT(decisions, 36u);
  // The job as it is in the end comes last.
  const nlohmann::json last = JsonLines(watched.out).back();
  EXPECT_EQ(last["job"]["nodePruning"]["decisionCount"], absl::StrCat(decisions));
  EXPECT_EQ(server_->Run({"fetch", job, "-o", "re-attached"}).exit_code, 0);
  EXPECT_TRUE(server_->client_folder().Has("re-attached/circuit.svg"));
}

TEST_F(InterruptTest, DetachesAtCtrlCWhereThereIsNobodyToAsk) {
  const auto client = StartRunningPrune();
  client->Signal(SIGINT);
  EXPECT_EQ(client->Wait(), kDetached);
  const std::string job = JobOf(*client);
  EXPECT_THAT(client->err(), HasSubstr(absl::StrCat("circuit watch ", job)));
  EXPECT_EQ(StateOf(job), "JOB_STATE_RUNNING");
  server_->Cancel(job);
}

TEST_F(InterruptTest, DrawsABarOnATerminalAndDetachesAtASecondCtrlC) {
  const auto client = StartRunningPrune(/*terminal_columns=*/120);
  EXPECT_THAT(client->out(), HasSubstr("\n[")) << "no bar below a board";
  EXPECT_THAT(client->out(), HasSubstr("ETA "));
  client->Type("\x03");
  ASSERT_TRUE(client->WaitForOutput("or Enter to keep watching? ")) << client->out();
  client->Type("\x03");
  EXPECT_EQ(client->Wait(), kDetached);
  const std::string job = JobOf(*client);
  EXPECT_EQ(StateOf(job), "JOB_STATE_RUNNING");
  server_->Cancel(job);
}

TEST_F(InterruptTest, CancelsTheJobWhenTheAnswerToCtrlCSaysSo) {
  const auto client = StartRunningPrune(/*terminal_columns=*/120);
  client->Type("\x03");
  ASSERT_TRUE(client->WaitForOutput("or Enter to keep watching? ")) << client->out();
  client->Type("c\n");
  EXPECT_EQ(client->Wait(), kCancelled);
  EXPECT_THAT(client->out(), HasSubstr("stops at its next forward pass"));
  EXPECT_EQ(StateOf(JobOf(*client)), "JOB_STATE_CANCELLED");
}

TEST_F(InterruptTest, KeepsWatchingWhenTheAnswerToCtrlCIsEmpty) {
  const auto client = StartRunningPrune(/*terminal_columns=*/120);
  client->Type("\x03");
  ASSERT_TRUE(client->WaitForOutput("or Enter to keep watching? ")) << client->out();
  client->Type("\n");
  const std::string job = JobOf(*client);
  server_->Cancel(job);
  EXPECT_EQ(client->Wait(), kCancelled);
  EXPECT_THAT(client->out(), Not(HasSubstr("detached")));
}

}  // namespace
}  // namespace circuitd
