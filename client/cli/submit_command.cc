// `circuit submit`: a job that is left to itself.
#include <memory>

#include "CLI/CLI.hpp"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/prune_options.h"
#include "client/cli/run_job.h"

namespace circuitd::client {

void AddSubmitCommand(CLI::App& app, CommandContext& context) {
  struct Options {
    PruneOptions pruning;
    JobOptions job;
  };
  CLI::App* command = app.add_subcommand("submit", "What prune --detach does: submit, and print the job's name");
  command->fallthrough();
  auto options = std::make_shared<Options>();
  options->pruning.AddTo(*command);
  options->job.AddTo(*command);
  options->job.detach = true;
  context.Register(command, [&context, options]() -> absl::StatusOr<int> {
    ASSIGN_OR_RETURN(const JobPlan plan, options->pruning.Plan());
    return RunJob(context, options->job, plan);
  });
}

}  // namespace circuitd::client
