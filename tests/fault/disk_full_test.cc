// A server whose disk is full: what it has accepted waits for room, what it can't keep it refuses.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include "absl/time/clock.h"
#include "tests/integration/job_output.h"
#include "tests/integration/server_process.h"

namespace circuitd {
namespace {

using testing::HasSubstr;

constexpr int kExhausted = 7;

std::vector<std::string> Job(const std::vector<std::string>& more = {}) {
  std::vector<std::string> job = {"prune", "--model", "demo", "--task", "numerals", "-n", "64", "--no-cache"};
  job.insert(job.end(), more.begin(), more.end());
  return job;
}

class DiskFullTest : public testing::Test {
 protected:
  void SetUp() override {
    server_ = ServerProcess::Start(ServerFlags());
    ASSERT_NE(server_, nullptr);
  }

  // Files of the server's may not grow beyond `bytes`.
  void SetRoom(rlim_t bytes) {
    rlimit limit = {};
    ASSERT_EQ(prlimit(server_->process().pid(), RLIMIT_FSIZE, nullptr, &limit), 0);
    limit.rlim_cur = bytes;
    ASSERT_EQ(prlimit(server_->process().pid(), RLIMIT_FSIZE, &limit, nullptr), 0);
  }

  // Why the job is held back, once it is.
  std::string HeldBackBy(const std::string& job) const {
    const absl::Time deadline = absl::Now() + kPatience;
    while (absl::Now() < deadline) {
      const std::string why = server_->Job(job).value("heldBackBy", "");
      if (!why.empty()) return why;
    }
    return "";
  }

  std::unique_ptr<ServerProcess> server_;
};

TEST_F(DiskFullTest, HoldsARunningJobBackUntilThereIsRoom) {
  const std::string unbroken = server_->Submit(Job());
  const Finished all = server_->Run({"watch", unbroken, "--json"});
  ASSERT_EQ(all.exit_code, 0) << all.err;

  const std::string job = server_->Submit(Job());
  const auto watcher = server_->StartClient({"watch", job, "--json"});
  ASSERT_TRUE(watcher->WaitForOutput("\"index\":\"3\"")) << watcher->err();
  SetRoom(0);
  EXPECT_THAT(HeldBackBy(job), HasSubstr("disk is full"));
  EXPECT_TRUE(watcher->Running()) << watcher->err();
  server_->ExpectUnharmed();
  SetRoom(RLIM_INFINITY);
  EXPECT_EQ(watcher->Wait(), 0) << watcher->err();
  ExpectSame(DecisionsOf(EventsOf(watcher->out())), DecisionsOf(EventsOf(all.out)));

  for (const std::string& name : {unbroken, job}) EXPECT_EQ(server_->Run({"fetch", name, "-o", name}).exit_code, 0);
  const TempFolder& files = server_->client_folder();
  ExpectSame(JsonLines(files.Read(job + "/decisions.jsonl")), JsonLines(files.Read(unbroken + "/decisions.jsonl")));
  ExpectSameCircuit(files.Read(job + "/circuit.json"), files.Read(unbroken + "/circuit.json"));
  EXPECT_EQ(files.Read(job + "/heads.json"), files.Read(unbroken + "/heads.json"));
  server_->ExpectUnharmed();
}

TEST_F(DiskFullTest, RefusesJobsUntilThereIsRoom) {
  const std::string before = server_->Submit(Job({"--one-iter"}));
  ASSERT_EQ(server_->Run({"watch", before}).exit_code, 0);
  SetRoom(0);
  const std::vector<std::string> job = Job({"--request-id", "one"});
  const Finished refused = server_->Run(Submitted(job));
  EXPECT_EQ(refused.exit_code, kExhausted);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err, HasSubstr("disk is full"));
  EXPECT_EQ(server_->RunJson({"jobs", "--all"})["jobs"].size(), 1u);
  EXPECT_EQ(server_->Run({"fetch", before, "-o", "before"}).exit_code, 0);
  server_->ExpectUnharmed();

  SetRoom(RLIM_INFINITY);
  const std::string accepted = server_->Submit(job);
  EXPECT_EQ(server_->Run({"watch", accepted}).exit_code, 0);
  EXPECT_EQ(server_->RunJson({"jobs", "--all"})["jobs"].size(), 2u);
}

TEST_F(DiskFullTest, LosesNothingWhenTheServerIsKilledMeanwhile) {
  const std::string running = server_->StartLongJob();
  const std::string waiting = server_->Submit(Job());
  SetRoom(0);
  EXPECT_THAT(HeldBackBy(running), HasSubstr("disk is full"));
  server_->Kill();
  ASSERT_TRUE(server_->StartAgain());
  server_->Cancel(running);
  EXPECT_EQ(server_->Run({"watch", waiting}).exit_code, 0);
  server_->ExpectUnharmed();
}

}  // namespace
}  // namespace circuitd
