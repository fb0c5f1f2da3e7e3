// `circuit submit`: a job that is left to itself.
#include <memory>

#include "CLI/CLI.hpp"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/job_commands.h"
#include "client/cli/prune_options.h"

namespace circuitd::client {
namespace {

absl::StatusOr<int> Submit(CommandContext& context, const PruneOptions& options) {
  ASSIGN_OR_RETURN(const v1::SubmitJobRequest request, MakeSubmitRequest(options, absl::Now()));
  ASSIGN_OR_RETURN(const LocalPrompts local, options.prompts.ReadFiles());
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  ASSIGN_OR_RETURN(const v1::SubmitJobResponse submitted, SubmitPruning(*client, local, request));
  PrintSubmitted(context, submitted);
  return kExitOk;
}

}  // namespace

void AddSubmitCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("submit", "Submit what prune would, print the job's name and leave it to itself");
  command->fallthrough();
  auto options = std::make_shared<PruneOptions>();
  options->AddTo(*command);
  context.Register(command, [&context, options] { return Submit(context, *options); });
}

}  // namespace circuitd::client
