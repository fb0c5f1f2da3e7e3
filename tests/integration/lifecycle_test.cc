// How the server starts and ends, and what a client says when it is not there.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "absl/strings/str_cat.h"
#include "tests/integration/job_output.h"
#include "tests/integration/server_process.h"

namespace circuitd {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kUnavailable = 4, kCancelled = 6;

// A port of the kernel's choice that is bound, and that nobody listens on.
class ReservedPort {
 public:
  ReservedPort() {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  }
  ~ReservedPort() { close(socket_); }

  const std::string& address() const { return address_; }

 private:
  const int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string address_;
};

TEST(ClientTest, NamesTheAddressWhereThereIsNoServer) {
  const ReservedPort port;
  const TempFolder folder;
  const auto start = std::chrono::steady_clock::now();
  const Finished finished = RunClient(port.address(), folder.path(), LongJob());
  EXPECT_EQ(finished.exit_code, kUnavailable);
  EXPECT_THAT(finished.err, HasSubstr(port.address()));
  EXPECT_THAT(finished.err, HasSubstr("--server or CIRCUITD_SERVER"));
  EXPECT_EQ(finished.out, "");
  // At once, not after the time that a silent server is given.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_FALSE(folder.Has("circuit-out"));
}

TEST(ServerLifecycleTest, EndsAtSigtermWhenIdle) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const auto server = ServerProcess::Start(ServerFlags());
    ASSERT_NE(server, nullptr);
    server->ExpectUnharmed();
    const auto start = std::chrono::steady_clock::now();
    server->process().Signal(signal);
    EXPECT_EQ(server->process().Wait(), 0) << server->process().err();
    // Nothing runs that would deserve --drain-timeout.
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(15));
    EXPECT_THAT(server->Files(), IsEmpty());
  }
}

TEST(ServerLifecycleTest, PausesTheRunningJobWhenItsTimeToDrainIsOver) {
  for (const std::string seconds : {"0", "1"}) {
    const auto server = ServerProcess::Start(ServerFlagsWith({"--drain-timeout", seconds}));
    ASSERT_NE(server, nullptr);
    const std::string running = server->StartLongJob();
    const std::string waiting = server->Submit(LongJob({"--no-cache"}));
    server->process().Signal(SIGTERM);
    EXPECT_EQ(server->process().Wait(), 0) << server->process().err();
    EXPECT_THAT(server->process().err(), HasSubstr("state=queued"));
    EXPECT_THAT(server->Files(), IsEmpty());

    ASSERT_TRUE(server->StartAgain());
    const std::string known = server->Job(running)["lastSequence"];
    const auto watcher = server->StartClient({"watch", running, "--json", "--after-sequence", known});
    ASSERT_TRUE(watcher->WaitForOutput("\"decision\"")) << watcher->err();
    EXPECT_EQ(server->Job(running)["state"], "JOB_STATE_RUNNING");
    EXPECT_EQ(server->Job(waiting)["state"], "JOB_STATE_QUEUED");
    EXPECT_EQ(server->Run({"cancel", waiting}).exit_code, 0);
    server->Cancel(running);
    // Queued, running, decisions; queued, running, decisions; cancelled: one log.
    const Finished all = server->Run({"watch", running, "--json"});
    EXPECT_EQ(all.exit_code, kCancelled);
    EXPECT_GT(DecisionsOf(EventsOf(all.out)).size(), 1u);
  }
}

TEST(ServerLifecycleTest, LetsAPruneGoOnWhenItIsRestarted) {
  const auto server = ServerProcess::Start(ServerFlagsWith({"--drain-timeout", "0"}));
  ASSERT_NE(server, nullptr);
  const std::vector<std::string> job = {"prune", "--model", "demo",       "--task",     "numerals",
                                        "-n",    "64",      "--one-iter", "--no-cache", "-o"};
  std::vector<std::string> unbroken = job, restarted = job;
  unbroken.push_back("unbroken");
  restarted.push_back("restarted");
  ASSERT_EQ(server->Run(unbroken).exit_code, 0);
  const auto client = server->StartClient(restarted);
  ASSERT_TRUE(client->WaitForOutput("%")) << client->err();
  server->process().Signal(SIGTERM);
  ASSERT_EQ(server->process().Wait(), 0) << server->process().err();
  EXPECT_THAT(server->process().err(), HasSubstr("state=queued"));
  EXPECT_TRUE(client->WaitForOutput("connection lost")) << client->err();
  ASSERT_TRUE(server->StartAgain());
  EXPECT_EQ(client->Wait(), 0) << client->err();
  const TempFolder& files = server->client_folder();
  ExpectSame(JsonLines(files.Read("restarted/decisions.jsonl")), JsonLines(files.Read("unbroken/decisions.jsonl")));
  ExpectSameCircuit(files.Read("restarted/circuit.json"), files.Read("unbroken/circuit.json"));
  EXPECT_EQ(files.Read("restarted/heads.json"), files.Read("unbroken/heads.json"));
  server->ExpectUnharmed();
}

TEST(ServerLifecycleTest, LetsAJobEndThatCanAndItsFilesBeFetched) {
  const auto server = ServerProcess::Start(ServerFlagsWith({"--drain-timeout", "300"}));
  ASSERT_NE(server, nullptr);
  const auto client = server->StartClient(
      {"prune", "--model", "demo", "--task", "numerals", "--num-samples", "256", "--one-iter", "-o", "drained"});
  ASSERT_TRUE(client->WaitForOutput("%")) << client->err();
  server->process().Signal(SIGTERM);
  ASSERT_TRUE(server->process().WaitForOutput("waiting for the running job"));
  const Finished refused = server->Run(Submitted(LongJob({"--retry-for", "0"})));
  EXPECT_EQ(refused.exit_code, kUnavailable) << refused.out << refused.err;
  EXPECT_EQ(client->Wait(), 0) << client->err();
  EXPECT_TRUE(server->client_folder().Has("drained/circuit.json"));
  EXPECT_EQ(server->process().Wait(), 0) << server->process().err();
  EXPECT_THAT(server->Files(), IsEmpty());
}

TEST(ServerLifecycleTest, EndsAtOnceAtASecondSignal) {
  const auto server = ServerProcess::Start(ServerFlagsWith({"--drain-timeout", "300"}));
  ASSERT_NE(server, nullptr);
  const std::string job = server->StartLongJob();
  server->process().Signal(SIGTERM);
  ASSERT_TRUE(server->process().WaitForOutput("waiting for the running job"));
  server->process().Signal(SIGTERM);
  EXPECT_EQ(server->process().Wait(), 0);
  EXPECT_THAT(server->Files(), IsEmpty());
  ASSERT_TRUE(server->StartAgain());
  EXPECT_FALSE(server->Job(job).is_null());
  server->Cancel(job);
}

TEST(ServerLifecycleTest, SaysThatItsPortIsInUse) {
  const auto server = ServerProcess::Start(ServerFlags());
  ASSERT_NE(server, nullptr);
  const TempFolder folder;
  const auto second =
      LaunchServer(folder.path(),
                   ServerFlagsWith({"--address", server->address(), "--metrics-address", "", "--port-file", "ports"}));
  EXPECT_EQ(second->Wait(), 1);
  EXPECT_THAT(second->err(), HasSubstr(absl::StrCat("circuitd: --address: can't listen on ", server->address())));
  const std::string metrics = absl::StrCat("127.0.0.1:", server->metrics_port());
  const auto third =
      LaunchServer(folder.path(), ServerFlagsWith({"--address", "127.0.0.1:0", "--metrics-address", metrics}));
  EXPECT_EQ(third->Wait(), 1);
  EXPECT_THAT(third->err(), HasSubstr(absl::StrCat("circuitd: --metrics-address: can't listen on ", metrics)));
  EXPECT_FALSE(folder.Has("ports"));
  server->ExpectUnharmed();
}

TEST(ServerLifecycleTest, RefusesFlagsThatItDoesNotUnderstand) {
  const TempFolder folder;
  for (const std::vector<std::string>& flags : std::vector<std::vector<std::string>>{{"--threshold", "3"},
                                                                                     {"--model", "name-without-folder"},
                                                                                     {"--max-message-bytes", "-1"},
                                                                                     {"--device", "tpu"}}) {
    const auto server = LaunchServer(folder.path(), flags);
    EXPECT_THAT(server->Wait(), testing::AnyOf(1, 2)) << flags[0];
    EXPECT_THAT(server->err(), HasSubstr(flags[0].substr(2)));
    EXPECT_EQ(server->out(), "");
  }
}

}  // namespace
}  // namespace circuitd
