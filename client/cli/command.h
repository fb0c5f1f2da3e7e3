// What all commands of `circuit` share.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/channel.h"
#include "client/cli/terminal.h"
#include "client/client.h"

namespace circuitd::client {

struct GlobalOptions {
  std::string server = kDefaultServer;
  std::string user;
  double connect_seconds = 5;
  double call_seconds = 600;
  // How long calls that nobody answers are made again.
  absl::Duration retry_for = absl::Seconds(3);
  bool json = false;
};

// Lives as long as the process's work. Not thread-safe.
class CommandContext {
 public:
  explicit CommandContext(Output& out) : out_(out) {}

  // A client of --server, which says so once when it makes a call again. UNAVAILABLE if nobody answers in time.
  absl::StatusOr<std::unique_ptr<Client>> Connect() const;

  // The same without waiting for a connection, which its first call makes.
  absl::StatusOr<std::unique_ptr<Client>> MakeClient() const;

  // From now on clients are silent about calls made again: a watch speaks of its server itself.
  void HushRetries() { retry_said_->store(true); }

  // `run` is what `app` does when it was the innermost command given: its exit code, or an error to be printed.
  void Register(CLI::App* app, std::function<absl::StatusOr<int>()> run) { runs_.push_back({app, std::move(run)}); }
  // After parsing.
  absl::StatusOr<int> RunParsed() const;

  GlobalOptions& options() { return options_; }
  Output& out() { return out_; }
  // A table for people.
  void Print(const class Table& table);
  // One JSON document.
  void PrintJson(const google::protobuf::Message& message);

 private:
  absl::StatusOr<std::unique_ptr<Client>> MakeClient(std::shared_ptr<grpc::Channel> channel) const;

  struct Entry {
    CLI::App* app;
    std::function<absl::StatusOr<int>()> run;
  };
  Output& out_;
  GlobalOptions options_;
  // Calls run in several threads, and may outlive the command.
  const std::shared_ptr<std::atomic<bool>> retry_said_ = std::make_shared<std::atomic<bool>>(false);
  std::vector<Entry> runs_;  // commands before their subcommands
};

// An option whose values are taken as they are, each time it is given (or, for a positional, all arguments): none is
// split, and none swallows the arguments after it. Read them with results().
CLI::Option* AddRawOption(CLI::App& app, const std::string& name, const std::string& description);

// "5" (seconds) or "1m30s"; nullopt for anything else, and for what is negative.
std::optional<absl::Duration> ParseSeconds(absl::string_view text);

// "circuit: no answer from HOST:PORT; trying again for 3s".
std::string RetryLine(const GlobalOptions& options);

// "jobs/7" for "7" and "jobs/7".
std::string JobName(const std::string& argument);

void AddPruneCommand(CLI::App& app, CommandContext& context);
void AddEdgesCommand(CLI::App& app, CommandContext& context);
void AddAcdcCommand(CLI::App& app, CommandContext& context);
void AddEapCommand(CLI::App& app, CommandContext& context);
void AddEvalCommand(CLI::App& app, CommandContext& context);
void AddDiffCommand(CLI::App& app, CommandContext& context);
void AddReportCommand(CLI::App& app, CommandContext& context);
void AddExportCommand(CLI::App& app, CommandContext& context);
void AddImportCommand(CLI::App& app, CommandContext& context);
void AddSubmitCommand(CLI::App& app, CommandContext& context);
void AddJobsCommand(CLI::App& app, CommandContext& context);
void AddWatchCommand(CLI::App& app, CommandContext& context);
void AddFetchCommand(CLI::App& app, CommandContext& context);
void AddCancelCommand(CLI::App& app, CommandContext& context);
void AddRmCommand(CLI::App& app, CommandContext& context);
void AddModelsCommand(CLI::App& app, CommandContext& context);
void AddTokenizeCommand(CLI::App& app, CommandContext& context);
void AddForwardCommand(CLI::App& app, CommandContext& context);
void AddPatchCommand(CLI::App& app, CommandContext& context);
void AddLensCommand(CLI::App& app, CommandContext& context);
void AddAttnCommand(CLI::App& app, CommandContext& context);
void AddDlaCommand(CLI::App& app, CommandContext& context);
void AddOvCommand(CLI::App& app, CommandContext& context);
void AddSweepCommand(CLI::App& app, CommandContext& context);
void AddPathCommand(CLI::App& app, CommandContext& context);
void AddTaskCommand(CLI::App& app, CommandContext& context);
void AddTopCommand(CLI::App& app, CommandContext& context);
void AddInfoCommand(CLI::App& app, CommandContext& context);

// --server and the other options of all commands, and every command.
void AddCommands(CLI::App& app, CommandContext& context);

}  // namespace circuitd::client
