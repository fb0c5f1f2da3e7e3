// Jobs over edges of a server that is killed again and again leave what those of one that is left alone leave, to the
// last digit.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "tests/fault/kill_fixture.h"
#include "tests/integration/job_output.h"

namespace circuitd {
namespace {

using nlohmann::json;

constexpr int kKills = 10;
constexpr int kMostKillsOfAJob = 5;

// But for the jobs and times that it comes from.
json Document(const std::string& text) {
  json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  EXPECT_TRUE(document.is_object()) << text.substr(0, 200);
  for (const char* key : {"provenance", "created"}) document.erase(key);
  return document;
}

class KillEdgeJobsTest : public KillTest {
 protected:
  // `command` with arguments of the client, which submits it and leaves it to itself; its name.
  std::string Start(std::vector<std::string> command) {
    for (const char* flag : {"--model", "demo", "--task", "numerals", "--no-cache", "--detach"})
      command.emplace_back(flag);
    const Finished submitted = server_->Run(command);
    EXPECT_EQ(submitted.exit_code, 0) << submitted.err;
    return submitted.out.substr(0, submitted.out.find('\n'));
  }

  // Runs the job undisturbed, and then again under kills until there were as many as there are to be. `documents` and
  // `texts` are files that it leaves, of which both have to be the same; they stay in the folder `whole`.
  void ExpectSameUnderKills(const std::vector<std::string>& command, const std::string& whole,
                            const std::vector<std::string>& documents, const std::vector<std::string>& texts) {
    const std::string unbroken = Start(command);
    const Finished watched = server_->Run({"watch", unbroken, "--json"});
    ASSERT_EQ(watched.exit_code, 0) << watched.err;
    Fetch(unbroken, whole);
    // A job that was broken off has no fewer events.
    std::vector<std::string> steps;
    const size_t events = EventsOf(watched.out).size();
    for (size_t i = 2; i < events; i += 40) steps.push_back(absl::StrCat("\"sequence\":\"", i, "\""));
    ASSERT_GT(steps.size(), 20u);

    int jobs = 0, resumed = 0;
    for (kills_ = 0; kills_ < kKills && !HasFailure();) {
      const std::string name = Start(command);
      const auto watcher = server_->StartClient({"watch", name, "--json", "--retry-for", "60"});
      for (int left = Draw(2, kMostKillsOfAJob); left > 0 && kills_ < kKills && !HasFailure(); --left) {
        if (!KillDuring(*watcher, steps)) break;
      }
      ASSERT_EQ(watcher->Wait(), 0) << watcher->err();
      for (const json& event : EventsOf(watcher->out())) {
        resumed += event["sequence"] != "1" && event.value("state", "") == "JOB_STATE_QUEUED";
      }
      const std::string folder = absl::StrCat(whole, "-", ++jobs);
      Fetch(name, folder);
      const TempFolder& files = server_->client_folder();
      for (const std::string& file : documents) {
        EXPECT_EQ(Document(files.Read(folder + file)), Document(files.Read(whole + file)));
      }
      for (const std::string& file : texts) EXPECT_EQ(files.Read(folder + file), files.Read(whole + file));
    }
    std::cout << whole << ": " << kills_ << " kills, " << jobs << " jobs, which were taken up again " << resumed
              << " times while they ran" << std::endl;
    EXPECT_GT(resumed, 0);
    server_->ExpectUnharmed();
  }
};

TEST_F(KillEdgeJobsTest, LeaveWhatTheyLeaveUndisturbed) {
  ExpectSameUnderKills({"acdc", "--variants", "done,lost", "-n", "2", "--threshold", "0.05"}, "acdc", {"/circuit.json"},
                       {"/decisions.jsonl", "/heads.json"});
}

}  // namespace
}  // namespace circuitd
