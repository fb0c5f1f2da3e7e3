// Jobs of a server that is killed again and again are the jobs of one that is left alone.
#include <gmock/gmock.h>

#include <algorithm>
#include <iostream>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/integration/job_output.h"
#include "tests/integration/server_process.h"

namespace circuitd {
namespace {

using nlohmann::json;

constexpr int kKills = 100;
constexpr int kMostKillsOfAJob = 6;

// A job of about a second.
std::vector<std::string> Job(const std::vector<std::string>& more) {
  std::vector<std::string> job = {"prune", "--model", "demo",       "--task",     "numerals",
                                  "-n",    "16",      "--no-cache", "--variants", "done,lost"};
  job.insert(job.end(), more.begin(), more.end());
  return job;
}

// What `watch --json` says of the decision with this number.
std::string IndexOf(int decision) { return absl::StrCat("\"index\":\"", decision, "\""); }

class KillTest : public testing::Test {
 protected:
  void SetUp() override {
    server_ = ServerProcess::Start(ServerFlags());
    ASSERT_NE(server_, nullptr);
    const int flag = GTEST_FLAG_GET(random_seed);
    const uint32_t seed = flag != 0 ? static_cast<uint32_t>(flag) : std::random_device()() % 99999 + 1;
    std::cout << "to draw these kills again: --gtest_random_seed=" << seed << std::endl;
    random_.seed(seed);
  }

  int Draw(int first, int last) { return std::uniform_int_distribution<int>(first, last)(random_); }
  bool Chance(double probability) { return std::bernoulli_distribution(probability)(random_); }
  // Nothing is waited for: where in the server's work a kill falls is left to chance.
  void Pause(absl::Duration most) { absl::SleepFor(most * std::uniform_real_distribution<double>(0, 1)(random_)); }

  void KillAndStartAgain() {
    server_->Kill();
    ++kills_;
    ASSERT_TRUE(server_->StartAgain());
  }

  size_t CountJobs() const { return server_->RunJson({"jobs", "--all"})["jobs"].size(); }

  // Submits a job while the server is killed, and once more, which both mean the same job; its name.
  std::string SubmitUnderKill(const std::vector<std::string>& job) {
    const size_t before = CountJobs();
    std::vector<std::string> once = Submitted(job);
    once.insert(once.end(), {"--retry-for", "0"});
    const auto client = server_->StartClient(once);
    Pause(absl::Milliseconds(150));
    KillAndStartAgain();
    const std::optional<int> exit_code = client->Wait();
    const size_t then = CountJobs();
    EXPECT_LE(then, before + 1);
    if (exit_code == 0) {
      EXPECT_EQ(then, before + 1) << "a job that was acknowledged is lost";
      ++acknowledged_;
    }
    const std::string name = server_->Submit(job);
    EXPECT_EQ(CountJobs(), before + 1);
    EXPECT_EQ(client->out(), exit_code == 0 ? name + "\n" : "");
    return name;
  }

  // Kills the server at some point of the job's life that is still to come; false if that was after the job's end.
  bool KillDuring(Subprocess& watcher, int decisions) {
    const auto has_ended = [&] { return watcher.out().find("\"JOB_STATE_SUCCEEDED\"") != std::string::npos; };
    if (Chance(0.25)) {  // while it is prepared again
      Pause(absl::Milliseconds(250));
    } else if (Chance(0.25)) {  // while its files are written
      EXPECT_TRUE(watcher.WaitForOutput(IndexOf(decisions - 1))) << watcher.err();
      Pause(absl::Milliseconds(20));
    } else {
      const std::string seen = watcher.out();
      int next = 0;
      while (next < decisions && seen.find(IndexOf(next)) != std::string::npos) ++next;
      next = Draw(std::min(next, decisions - 1), decisions - 1);
      EXPECT_TRUE(watcher.WaitForOutput(IndexOf(next))) << watcher.err();
    }
    const bool ended = has_ended();
    KillAndStartAgain();
    return !ended;
  }

  // What the job has left in the folder is what the unbroken one left.
  void ExpectSameFiles(const std::string& folder, const std::string& expected) {
    const TempFolder& files = server_->client_folder();
    ExpectSameCircuit(files.Read(folder + "/circuit.json"), files.Read(expected + "/circuit.json"));
    EXPECT_EQ(files.Read(folder + "/seqcont.json"), files.Read(expected + "/seqcont.json"));
    ExpectSame(JsonLines(files.Read(folder + "/decisions.jsonl")),
               JsonLines(files.Read(expected + "/decisions.jsonl")));
  }

  void Fetch(const std::string& job, const std::string& folder) {
    const Finished fetched = server_->Run({"fetch", job, "-o", folder});
    EXPECT_EQ(fetched.exit_code, 0) << fetched.err;
  }

  std::unique_ptr<ServerProcess> server_;
  std::mt19937 random_;
  int kills_ = 0, acknowledged_ = 0;
};

TEST_F(KillTest, JobsEndAsIfTheServerHadNeverBeenKilled) {
  const std::string unbroken = server_->Submit(Job({}));
  const Finished watched = server_->Run({"watch", unbroken, "--json"});
  ASSERT_EQ(watched.exit_code, 0) << watched.err;
  const std::vector<json> expected = DecisionsOf(EventsOf(watched.out));
  ASSERT_GT(expected.size(), 20u);
  Fetch(unbroken, "unbroken");

  int jobs = 0, resumed = 0;
  while (kills_ < kKills && !HasFailure()) {
    const std::vector<std::string> job = Job({"--request-id", absl::StrCat("job-", ++jobs)});
    const std::string name = Chance(0.7) ? SubmitUnderKill(job) : server_->Submit(job);
    const auto watcher = server_->StartClient({"watch", name, "--json", "--retry-for", "60"});
    for (int left = Draw(2, kMostKillsOfAJob); left > 0 && kills_ < kKills && !HasFailure(); --left) {
      if (!KillDuring(*watcher, static_cast<int>(expected.size()))) break;
    }
    ASSERT_EQ(watcher->Wait(), 0) << watcher->err();
    const std::vector<json> events = EventsOf(watcher->out());
    ExpectSame(DecisionsOf(events), expected);
    for (const json& event : events) {
      resumed += event["sequence"] != "1" && event.value("state", "") == "JOB_STATE_QUEUED";
    }
    // What was seen before a kill is what is there after all of them.
    EXPECT_EQ(EventsOf(server_->Run({"watch", name, "--json"}).out), events);
    const std::string folder = absl::StrCat("job-", jobs);
    Fetch(name, folder);
    ExpectSameFiles(folder, "unbroken");
  }
  EXPECT_EQ(kills_, kKills);
  std::cout << kills_ << " kills, " << jobs << " jobs, which were taken up again " << resumed
            << " times while they ran; " << acknowledged_ << " submits were acknowledged before their kill"
            << std::endl;
  // Most kills hit a job that ran.
  EXPECT_GT(resumed, kKills / 4);
  server_->ExpectUnharmed();
}

}  // namespace
}  // namespace circuitd
