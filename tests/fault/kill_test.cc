// Jobs of a server that is killed again and again are the jobs of one that is left alone.
#include <gmock/gmock.h>

#include <iostream>

#include "absl/strings/str_cat.h"
#include "tests/fault/kill_fixture.h"
#include "tests/integration/job_output.h"

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

class KillPruningTest : public KillTest {
 protected:
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

  // What the job has left in the folder is what the unbroken one left.
  void ExpectSameFiles(const std::string& folder, const std::string& expected) {
    const TempFolder& files = server_->client_folder();
    ExpectSameCircuit(files.Read(folder + "/circuit.json"), files.Read(expected + "/circuit.json"));
    for (const char* file : {"/seqcont.json", "/heads.json"}) {
      EXPECT_EQ(files.Read(folder + file), files.Read(expected + file));
    }
    ExpectSame(JsonLines(files.Read(folder + "/decisions.jsonl")),
               JsonLines(files.Read(expected + "/decisions.jsonl")));
  }

  int acknowledged_ = 0;
};

TEST_F(KillPruningTest, JobsEndAsIfTheServerHadNeverBeenKilled) {
  const std::string unbroken = server_->Submit(Job({}));
  const Finished watched = server_->Run({"watch", unbroken, "--json"});
  ASSERT_EQ(watched.exit_code, 0) << watched.err;
  const std::vector<json> expected = DecisionsOf(EventsOf(watched.out));
  ASSERT_GT(expected.size(), 20u);
  std::vector<std::string> steps;
  for (size_t i = 0; i < expected.size(); ++i) steps.push_back(IndexOf(static_cast<int>(i)));
  Fetch(unbroken, "unbroken");

  int jobs = 0, resumed = 0;
  while (kills_ < kKills && !HasFailure()) {
    const std::vector<std::string> job = Job({"--request-id", absl::StrCat("job-", ++jobs)});
    const std::string name = Chance(0.7) ? SubmitUnderKill(job) : server_->Submit(job);
    const auto watcher = server_->StartClient({"watch", name, "--json", "--retry-for", "60"});
    for (int left = Draw(2, kMostKillsOfAJob); left > 0 && kills_ < kKills && !HasFailure(); --left) {
      if (!KillDuring(*watcher, steps)) break;
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
