// `circuit cancel` and `circuit rm`: jobs that are no longer wanted.
#include <memory>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"

namespace circuitd::client {
namespace {

absl::StatusOr<int> Cancel(CommandContext& context, const std::string& name) {
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  v1::CancelJobRequest request;
  request.set_name(JobName(name));
  ASSIGN_OR_RETURN(const v1::CancelJobResponse response, client->CancelJob(request));
  if (context.options().json) {
    context.PrintJson(response);
  } else {
    const bool ended = response.job().state() == v1::JOB_STATE_CANCELLED;
    PrintError(absl::StrCat(request.name(), ended ? " is cancelled" : " stops at its next forward pass"));
  }
  return kExitOk;
}

absl::StatusOr<int> Remove(CommandContext& context, const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  int exit_code = kExitOk;
  for (const std::string& name : names) {
    v1::DeleteJobRequest request;
    request.set_name(JobName(name));
    const absl::Status status = client->DeleteJob(request).status();
    // Nobody is there to be asked for the others.
    if (absl::IsUnavailable(status)) return status;
    if (!status.ok()) PrintError(ErrorLine(status));
    if (exit_code == kExitOk) exit_code = ExitCode(status);
  }
  if (context.options().json && exit_code == kExitOk) context.PrintJson(v1::DeleteJobResponse());
  return exit_code;
}

}  // namespace

void AddCancelCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("cancel", "Ask a job to stop at its next forward pass");
  command->fallthrough();
  auto name = std::make_shared<std::string>();
  command->add_option("job", *name, "The job's name: jobs/ID, or ID")->required();
  context.Register(command, [&context, name] { return Cancel(context, *name); });
}

void AddRmCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("rm", "Forget ended jobs and their files at the server");
  command->fallthrough();
  auto names = std::make_shared<std::vector<std::string>>();
  command->add_option("job", *names, "The jobs' names: jobs/ID, or ID")->required();
  context.Register(command, [&context, names] { return Remove(context, *names); });
}

}  // namespace circuitd::client
