// A command that submits a job, watches it and fetches its files.
#pragma once

#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/job_options.h"
#include "client/cli/job_plan.h"

namespace circuitd::client {

// Sends what the server does not have, and submits. With --validate-only and --detach that is all; else the job is
// watched to its end, and its result shown and put into the folder of -o, which is tried before. The exit code.
absl::StatusOr<int> RunJob(CommandContext& context, const JobOptions& options, const JobPlan& plan);

// A command whose job `KindOptions` describe, with AddTo and Plan.
template <typename KindOptions>
void AddJobCommand(CLI::App& app, CommandContext& context, const std::string& name, const std::string& description) {
  struct Options {
    KindOptions kind;
    JobOptions job;
  };
  CLI::App* command = app.add_subcommand(name, description);
  command->fallthrough();
  auto options = std::make_shared<Options>();
  options->kind.AddTo(*command);
  options->job.AddTo(*command);
  options->job.AddWatchingTo(*command);
  context.Register(command, [&context, options]() -> absl::StatusOr<int> {
    ASSIGN_OR_RETURN(const JobPlan plan, options->kind.Plan());
    return RunJob(context, options->job, plan);
  });
}

}  // namespace circuitd::client
