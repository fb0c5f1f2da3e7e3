#include "tests/integration/server_process.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

namespace circuitd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kPortFile[] = "ports";
constexpr char kPrompt[] = "Van done in 1. Hat done in 2. Sun done in";

}  // namespace

std::unique_ptr<Subprocess> StartClient(const std::string& server, const std::string& folder,
                                        const std::vector<std::string>& arguments, unsigned short terminal_columns,
                                        const std::string& input) {
  ProcessOptions options;
  options.arguments = {CIRCUIT_BINARY};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  options.environment = {{"CIRCUITD_SERVER", server}, {"USER", "tester"}, {"NO_COLOR", "1"}, {"TERM", "xterm"}};
  options.folder = folder;
  options.input = input;
  options.terminal_columns = terminal_columns;
  return Subprocess::Start(options);
}

Finished RunClient(const std::string& server, const std::string& folder, const std::vector<std::string>& arguments,
                   const std::string& input) {
  const auto client = StartClient(server, folder, arguments, /*terminal_columns=*/0, input);
  const std::optional<int> exit_code = client->Wait();
  EXPECT_TRUE(exit_code.has_value()) << "circuit " << arguments.front() << " does not end";
  return {exit_code.value_or(-1), client->out(), client->err()};
}

std::vector<std::string> ServerFlags() {
  return {"--hugging-face-cache",
          "off",
          "--threads",
          "1",
          "--model",
          std::string("demo=") + CIRCUITD_SOURCE_DIR + "/models/seqcont-demo"};
}

std::vector<std::string> ServerFlagsWith(const std::vector<std::string>& flags) {
  std::vector<std::string> all = ServerFlags();
  all.insert(all.end(), flags.begin(), flags.end());
  return all;
}

std::string SharedFolder(const std::string& name) {
  const std::string folder = std::string(CIRCUITD_SOURCE_DIR) + "/../shared/" + name;
  EXPECT_TRUE(std::filesystem::is_directory(folder)) << "this test reads " << folder << ", which is not there";
  return folder;
}

std::unique_ptr<Subprocess> LaunchServer(const std::string& folder, const std::vector<std::string>& flags) {
  ProcessOptions options;
  options.arguments = {CIRCUITD_BINARY};
  options.arguments.insert(options.arguments.end(), flags.begin(), flags.end());
  options.environment = {{"HOME", folder}, {"TMPDIR", folder}};
  options.folder = folder;
  return Subprocess::Start(options);
}

std::unique_ptr<ServerProcess> ServerProcess::Start(const std::vector<std::string>& flags) {
  std::unique_ptr<ServerProcess> server(new ServerProcess());
  server->flags_ = flags;
  return server->Launch("127.0.0.1:0") ? std::move(server) : nullptr;
}

bool ServerProcess::Launch(const std::string& address) {
  std::vector<std::string> all = {"--address",   address,       "--metrics-address",
                                  "127.0.0.1:0", "--port-file", server_folder_.File(kPortFile)};
  if (std::find(flags_.begin(), flags_.end(), "--data-dir") == flags_.end()) {
    all.insert(all.end(), {"--data-dir", data_folder_.path()});
  }
  all.insert(all.end(), flags_.begin(), flags_.end());
  process_ = LaunchServer(server_folder_.path(), all);
  if (!process_->WaitForOutput(" listening on ")) {
    ADD_FAILURE() << "the server does not start: " << process_->err();
    return false;
  }
  std::ifstream ports(server_folder_.File(kPortFile));
  ports >> port_ >> metrics_port_;
  EXPECT_TRUE(ports) << "the port file has not two numbers";
  return true;
}

void ServerProcess::Kill() {
  process_->Signal(SIGKILL);
  EXPECT_EQ(process_->Wait(), 128 + SIGKILL);
}

bool ServerProcess::StartAgain() { return Launch(address()); }

std::set<std::string> ServerProcess::Files() const {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(server_folder_.path())) {
    files.insert(entry.path().filename().string());
  }
  return files;
}

std::unique_ptr<Subprocess> ServerProcess::StartClient(const std::vector<std::string>& arguments,
                                                       unsigned short terminal_columns) const {
  return circuitd::StartClient(address(), client_folder_.path(), arguments, terminal_columns);
}

Finished ServerProcess::Run(const std::vector<std::string>& arguments, const std::string& input) const {
  return RunClient(address(), client_folder_.path(), arguments, input);
}

nlohmann::json ServerProcess::RunJson(std::vector<std::string> arguments) const {
  arguments.push_back("--json");
  const Finished finished = Run(arguments);
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  nlohmann::json document = nlohmann::json::parse(finished.out, nullptr, /*allow_exceptions=*/false);
  EXPECT_FALSE(document.is_discarded()) << finished.out;
  return document;
}

std::string ServerProcess::Submit(const std::vector<std::string>& job) const {
  const Finished submitted = Run(Submitted(job));
  EXPECT_EQ(submitted.exit_code, 0) << submitted.err;
  return submitted.out.substr(0, submitted.out.find('\n'));
}

nlohmann::json ServerProcess::Job(const std::string& name) const {
  const nlohmann::json answer = RunJson({"jobs", "--all"});
  for (const nlohmann::json& job : answer["jobs"]) {
    if (job["name"] == name) return job;
  }
  return nullptr;
}

std::string ServerProcess::StartLongJob() const {
  const std::string job = Submit(LongJob());
  const auto watcher = StartClient({"watch", job});
  EXPECT_TRUE(watcher->WaitForOutput("%")) << watcher->err();
  return job;
}

void ServerProcess::Cancel(const std::string& job) const {
  EXPECT_EQ(Run({"cancel", job}).exit_code, 0);
  EXPECT_EQ(Run({"watch", job}).exit_code, 6);
}

void ServerProcess::ExpectUnharmed() {
  ASSERT_TRUE(process_->Running()) << process_->err();
  const Finished forward = Run({"forward", "--model", "demo", kPrompt, "--top-k", "1"});
  EXPECT_EQ(forward.exit_code, 0) << forward.err;
  EXPECT_THAT(forward.out, HasSubstr("\" 3\""));
  EXPECT_THAT(Files(), ElementsAre(kPortFile));
}

std::vector<std::string> LongJob(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"prune", "--model", "demo", "--task", "numerals", "--num-samples", "1024"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::vector<std::string> Submitted(std::vector<std::string> job) {
  job.front() = "submit";
  return job;
}

void SharedServerTest::ExpectRefused(const std::vector<std::string>& arguments, int exit_code,
                                     const std::vector<std::string>& parts, const std::string& input) {
  const Finished finished = server_->Run(arguments, input);
  EXPECT_EQ(finished.exit_code, exit_code) << finished.out << finished.err;
  for (const std::string& part : parts) EXPECT_THAT(finished.err, HasSubstr(part));
  EXPECT_EQ(finished.out, "");
}

}  // namespace circuitd
