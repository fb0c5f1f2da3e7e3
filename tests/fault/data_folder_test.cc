// Data folders that can't be used: a server says which and why, and leaves them as they are.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "tests/integration/model_folder.h"
#include "tests/integration/server_process.h"

namespace circuitd {
namespace {

using testing::HasSubstr;

std::vector<std::string> FlagsOver(const std::string& data_folder) {
  return ServerFlagsWith({"--data-dir", data_folder, "--address", "127.0.0.1:0", "--metrics-address", ""});
}

// Expects that a server does not start over this folder, and says all of `parts`.
void ExpectRefused(const std::string& data_folder, const std::vector<std::string>& parts) {
  const TempFolder folder;
  const auto server = LaunchServer(folder.path(), FlagsOver(data_folder));
  EXPECT_EQ(server->Wait(), 1) << data_folder;
  EXPECT_EQ(server->out(), "");
  EXPECT_THAT(server->err(), HasSubstr("circuitd: --data-dir: "));
  for (const std::string& part : parts) EXPECT_THAT(server->err(), HasSubstr(part));
}

// Every file of the folder, but for the lock, with its bytes.
std::map<std::string, std::string> Contents(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string path = entry.path();
    if (entry.path().filename() != "lock") files[path] = entry.is_directory() ? "a folder" : FileBytes(path);
  }
  return files;
}

TEST(DataFolderTest, BelongsToOneServerUntilThatIsGone) {
  const auto first = ServerProcess::Start(ServerFlags());
  ASSERT_NE(first, nullptr);
  const std::string job = first->StartLongJob();
  const std::string folder = first->data_folder().path();
  ExpectRefused(folder, {folder, "in use by another circuitd", absl::StrCat("(process ", first->process().pid(), ")")});
  EXPECT_EQ(first->Job(job)["state"], "JOB_STATE_RUNNING");
  first->ExpectUnharmed();
  first->Kill();

  const auto second = ServerProcess::Start(ServerFlagsWith({"--data-dir", folder}));
  ASSERT_NE(second, nullptr);
  EXPECT_FALSE(second->Job(job).is_null());
  second->Cancel(job);
}

TEST(DataFolderTest, IsNamedWhereItCanNotBeMade) {
  const TempFolder folder;
  const std::string file = folder.Write("file", "mine");
  ExpectRefused(file, {file, "is not a folder"});
  ExpectRefused(file + "/data", {file});
  ExpectRefused(file + "/data/below", {file});
  EXPECT_EQ(folder.Read("file"), "mine");
}

TEST(DataFolderTest, IsNamedWhereNobodyMayWrite) {
  // Not even an administrator may: these files are the kernel's.
  for (const std::string folder : {"/proc/circuitd", "/proc/self", "/sys/circuitd", "/sys/kernel"}) {
    ExpectRefused(folder, {folder});
  }
}

// The folder of three jobs, whose server has gone.
class DamagedJobsTest : public testing::Test {
 protected:
  void SetUp() override {
    server_ = ServerProcess::Start(ServerFlagsWith({"--drain-timeout", "0"}));
    ASSERT_NE(server_, nullptr);
    ended_ = server_->Submit({"prune", "--model", "demo", "--task", "numerals", "-n", "1", "--one-iter"});
    ASSERT_EQ(server_->Run({"watch", ended_}).exit_code, 0);
    running_ = server_->StartLongJob();
    waiting_ = server_->Submit(LongJob({"--no-cache"}));
  }

  std::string jobs_file() const { return server_->data_folder().File("jobs.sqlite3"); }

  void ExpectRefusedAndUntouched(const std::vector<std::string>& parts) {
    const auto before = Contents(server_->data_folder().path());
    ExpectRefused(server_->data_folder().path(), parts);
    const auto after = Contents(server_->data_folder().path());
    for (const auto& [file, bytes] : before) {
      EXPECT_TRUE(after.count(file) > 0 && after.at(file) == bytes) << file << " has changed";
    }
    // SQLite may leave a log that nothing was written to.
    for (const auto& [file, bytes] : after) EXPECT_TRUE(before.count(file) > 0 || bytes.empty()) << file;
  }

  void ExpectAllThereAgain() {
    ASSERT_TRUE(server_->StartAgain());
    EXPECT_EQ(server_->Job(ended_)["state"], "JOB_STATE_SUCCEEDED");
    EXPECT_EQ(server_->Run({"fetch", ended_, "-o", "files"}).exit_code, 0);
    for (const std::string& job : {waiting_, running_}) {
      EXPECT_FALSE(server_->Job(job).is_null());
      server_->Cancel(job);
    }
    server_->ExpectUnharmed();
  }

  std::unique_ptr<ServerProcess> server_;
  std::string ended_, running_, waiting_;
};

TEST_F(DamagedJobsTest, AreRefusedByNameAndThereAgainWhenRestored) {
  server_->process().Signal(SIGTERM);
  ASSERT_EQ(server_->process().Wait(), 0);
  const std::string intact = FileBytes(jobs_file());
  const TempFolder& data = server_->data_folder();
  std::string broken = intact;
  broken.replace(4096, 4096, std::string(4096, 'x'));
  for (const std::string& bytes :
       {std::string(20'000, 'x'), std::string("garbage"), intact.substr(0, intact.size() / 2), broken}) {
    data.Write("jobs.sqlite3", bytes);
    ExpectRefusedAndUntouched({jobs_file() + " is damaged: ", "move it away", "restore a copy"});
  }
  std::filesystem::remove(jobs_file());
  std::filesystem::create_directory(jobs_file());
  ExpectRefusedAndUntouched({jobs_file() + " is not a regular file; move it away"});
  std::filesystem::remove(jobs_file());
  data.Write("jobs.sqlite3", intact);
  ExpectAllThereAgain();
}

TEST_F(DamagedJobsTest, AreRefusedWithoutTheFileThatTheirLogBelongsTo) {
  server_->Kill();
  const std::string intact = FileBytes(jobs_file());
  const TempFolder& data = server_->data_folder();
  data.Write("jobs.sqlite3", "");
  ExpectRefusedAndUntouched({jobs_file() + " is damaged: it is empty", "move it away", "restore a copy"});
  std::filesystem::remove(jobs_file());
  ExpectRefusedAndUntouched({jobs_file() + " is damaged: it is gone", "move it away", "restore a copy"});
  data.Write("jobs.sqlite3", intact);
  ExpectAllThereAgain();
}

}  // namespace
}  // namespace circuitd
