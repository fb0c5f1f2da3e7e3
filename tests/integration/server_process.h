// The real server and the real client as child processes, and the fixture of tests that share one server.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/subprocess.h"
#include "tests/unit/client/temp_folder.h"

namespace circuitd {

using client::TempFolder;

// A client that has ended.
struct Finished {
  int exit_code = -1;
  std::string out, err;
};

// Runs the client with `arguments` against the server at the address `server`, in `folder`; RunClient to its end.
std::unique_ptr<Subprocess> StartClient(const std::string& server, const std::string& folder,
                                        const std::vector<std::string>& arguments, unsigned short terminal_columns = 0,
                                        const std::string& input = "");
Finished RunClient(const std::string& server, const std::string& folder, const std::vector<std::string>& arguments,
                   const std::string& input = "");

// The flags of a server with the shipped model as "demo", on one thread: small forwards on a busy machine are fastest
// so. It finds no models that are not named.
std::vector<std::string> ServerFlags();

// A folder of the shared material; fails the test if it is not there.
std::string SharedFolder(const std::string& name);

// A server that may end at once, with these flags alone; its working, home and temporary folder is `folder`.
std::unique_ptr<Subprocess> LaunchServer(const std::string& folder, const std::vector<std::string>& flags);

class ServerProcess {
 public:
  // Returns when the server serves; nullptr, having failed the test, if it does not come to that.
  static std::unique_ptr<ServerProcess> Start(const std::vector<std::string>& flags);

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  int metrics_port() const { return metrics_port_; }
  Subprocess& process() const { return *process_; }
  // Ends it as a crash would, at once.
  void Kill();
  // With the same flags, address and data, after it has ended. False, having failed the test, if it does not serve.
  bool StartAgain();

  // The server's working, home and temporary folder, which has the port file alone while all is well; its data lie
  // elsewhere.
  std::set<std::string> Files() const;

  std::unique_ptr<Subprocess> StartClient(const std::vector<std::string>& arguments,
                                          unsigned short terminal_columns = 0) const;
  Finished Run(const std::vector<std::string>& arguments, const std::string& input = "") const;
  // The document that a client prints with --json.
  nlohmann::json RunJson(std::vector<std::string> arguments) const;
  // Submits a job, arguments of `prune`, and leaves it to itself; its name.
  std::string Submit(const std::vector<std::string>& job) const;
  // A job as `jobs --json` has it; null if there is none of that name.
  nlohmann::json Job(const std::string& name) const;
  // Submits such a job as LongJob and waits for its first decision; its name.
  std::string StartLongJob() const;
  // Cancels the job and waits for its end.
  void Cancel(const std::string& job) const;
  // The same process as at the start answers a forward pass, and has left no files behind.
  void ExpectUnharmed();

  const TempFolder& client_folder() const { return client_folder_; }
  const TempFolder& data_folder() const { return data_folder_; }

 private:
  ServerProcess() = default;
  bool Launch(const std::string& address);

  std::vector<std::string> flags_;
  TempFolder server_folder_, client_folder_, data_folder_;
  std::unique_ptr<Subprocess> process_;
  int port_ = 0, metrics_port_ = 0;
};

// `flags` after those of ServerFlags.
std::vector<std::string> ServerFlagsWith(const std::vector<std::string>& flags);

// Arguments of a job with many times the work that its first decision takes.
std::vector<std::string> LongJob(const std::vector<std::string>& more = {});

// The same job, submitted and left to itself.
std::vector<std::string> Submitted(std::vector<std::string> job);

// One server for all tests of a suite; each test leaves it unharmed.
class SharedServerTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { StartServer(ServerFlags()); }
  static void TearDownTestSuite() { server_.reset(); }
  static void StartServer(const std::vector<std::string>& flags) { server_ = ServerProcess::Start(flags); }

  void SetUp() override { ASSERT_NE(server_, nullptr); }
  void TearDown() override {
    if (server_ != nullptr) server_->ExpectUnharmed();
  }

  // Expects that the client is refused with this exit code and a message that has all of `parts`.
  static void ExpectRefused(const std::vector<std::string>& arguments, int exit_code,
                            const std::vector<std::string>& parts, const std::string& input = "");

  static inline std::unique_ptr<ServerProcess> server_;
};

}  // namespace circuitd
