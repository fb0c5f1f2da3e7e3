// `circuit fetch` and `circuit prune`, and what they leave on the disk.
#include <filesystem>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "client/cli/exit_code.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/run_command.h"
#include "tests/unit/client/temp_folder.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kBytes[] = "abcdef";

// A server with one succeeded job, and a folder that commands run in.
class FetchCommandTest : public testing::Test {
 protected:
  FetchCommandTest() {
    std::filesystem::current_path(folder_.path());
    job_.set_name("jobs/7x");
    job_.set_state(v1::JOB_STATE_SUCCEEDED);
    job_.mutable_spec()->mutable_node_pruning()->mutable_prompts()->mutable_task()->set_task("numerals");
    v1::Artifact& artifact = *job_.add_artifacts();
    artifact.set_name("circuit.json");
    artifact.set_size_bytes(6);
    artifact.set_sha256(Sha256Hex(kBytes));
    server_.jobs.get = [this](grpc::ServerContext*, const v1::GetJobRequest&, v1::GetJobResponse* response) {
      *response->mutable_job() = job_;
      return grpc::Status::OK;
    };
    server_.jobs.submit = [this](const v1::SubmitJobRequest&, v1::SubmitJobResponse* response) {
      *response->mutable_job() = job_;
      return grpc::Status::OK;
    };
  }
  ~FetchCommandTest() override { std::filesystem::current_path(before_); }

  // The next download sends kBytes from `offset` on, `count` of them.
  void Serve(size_t offset, size_t count, const grpc::Status& status) {
    std::vector<v1::DownloadArtifactResponse> messages(2);
    *messages[0].mutable_artifact() = job_.artifacts(0);
    messages[1].set_data(std::string(kBytes).substr(offset, count));
    server_.jobs.download.Add({messages, status});
  }
  std::vector<uint64_t> Offsets() const {
    std::vector<uint64_t> offsets;
    for (const auto& request : server_.jobs.download.requests()) offsets.push_back(request.offset());
    return offsets;
  }

  const std::filesystem::path before_ = std::filesystem::current_path();
  TempFolder folder_;
  ScriptedServer server_;
  v1::Job job_;
};

TEST_F(FetchCommandTest, TakesUpWhatAnEarlierOneLeftAndKeepsWhatIsThere) {
  // A command that ends like this leaves what one that is killed leaves.
  Serve(0, 4, grpc::Status(grpc::StatusCode::INTERNAL, "cut"));
  EXPECT_FALSE(RunCommand(server_, {"fetch", "7x"}).ok());
  EXPECT_EQ(folder_.Read("circuit-out/numerals-7x/circuit.json.part"), "abcd");
  Serve(4, 2, grpc::Status::OK);
  const CommandRun resumed = RunCommand(server_, {"fetch", "7x"});
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_THAT(Offsets(), ElementsAre(0, 4));
  EXPECT_EQ(folder_.Read("circuit-out/numerals-7x/circuit.json"), kBytes);
  ASSERT_TRUE(RunCommand(server_, {"fetch", "7x"}).ok());
  EXPECT_THAT(Offsets(), ElementsAre(0, 4));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator("circuit-out"), {}), 1);
}

TEST_F(FetchCommandTest, FindsTheFolderThatPruneHasNamedAfterAFile) {
  std::filesystem::create_directories("circuit-out/pairs-7x");
  job_.mutable_spec()->mutable_node_pruning()->mutable_prompts()->clear_task();
  folder_.Write("circuit-out/pairs-7x/circuit.json.part", "abcd");
  Serve(4, 2, grpc::Status::OK);
  ASSERT_TRUE(RunCommand(server_, {"fetch", "7x"}).ok());
  EXPECT_EQ(folder_.Read("circuit-out/pairs-7x/circuit.json"), kBytes);
  EXPECT_FALSE(folder_.Has("circuit-out/7x"));
}

TEST_F(FetchCommandTest, ReplacesAnotherFileOnlyByForce) {
  std::filesystem::create_directories("circuit-out/numerals-7x");
  folder_.Write("circuit-out/numerals-7x/circuit.json", "mine");
  EXPECT_EQ(RunCommand(server_, {"fetch", "7x"}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(folder_.Read("circuit-out/numerals-7x/circuit.json"), "mine");
  Serve(0, 6, grpc::Status::OK);
  ASSERT_TRUE(RunCommand(server_, {"fetch", "7x", "--force"}).ok());
  EXPECT_EQ(folder_.Read("circuit-out/numerals-7x/circuit.json"), kBytes);
}

// Messages of a watch of a job that has succeeded already.
std::vector<v1::WatchJobResponse> Ended(const v1::Job& job) {
  std::vector<v1::WatchJobResponse> messages(1);
  *messages[0].mutable_job() = job;
  return messages;
}

TEST_F(FetchCommandTest, PruneFindsItsOwnFilesAgainAndMakesRoomForOthers) {
  const std::vector<std::string> prune = {"prune", "-m", "m", "-t", "numerals", "--request-id", "same"};
  Serve(0, 6, grpc::Status::OK);
  for (int i = 0; i < 2; ++i) {
    server_.jobs.watch.Add({Ended(job_), {}});
    const CommandRun run = RunCommand(server_, prune);
    ASSERT_TRUE(run.ok()) << run.status();
    EXPECT_THAT(run.out, HasSubstr("Files in circuit-out/numerals-7x:"));
  }
  EXPECT_THAT(Offsets(), ElementsAre(0));
  folder_.Write("circuit-out/numerals-7x/circuit.json", "mine");
  Serve(0, 6, grpc::Status::OK);
  server_.jobs.watch.Add({Ended(job_), {}});
  ASSERT_TRUE(RunCommand(server_, prune).ok());
  EXPECT_EQ(folder_.Read("circuit-out/numerals-7x/circuit.json"), "mine");
  EXPECT_EQ(folder_.Read("circuit-out/numerals-7x-2/circuit.json"), kBytes);
}

TEST_F(FetchCommandTest, RefusesAServersNamesThatAreNoFileNames) {
  job_.mutable_artifacts(0)->set_name("../circuit.json");
  server_.jobs.watch.Add({Ended(job_), {}});
  EXPECT_EQ(RunCommand(server_, {"fetch", "7x"}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(RunCommand(server_, {"prune", "-m", "m", "-t", "numerals"}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(folder_.Has("circuit-out"));
}

}  // namespace
}  // namespace circuitd::client
