// `circuit prune`: prompts up, job watched, circuit down.
#include <memory>
#include <optional>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/job_commands.h"
#include "client/cli/output_folder.h"
#include "client/cli/prune_options.h"
#include "client/cli/summary.h"

namespace circuitd::client {
namespace {

// The default folder, unless it has other files; then the first one with a number that has none. A job that was
// fetched before, or in part, is found again.
absl::StatusOr<OutputFolder> PrepareDefaultFolder(const std::string& name, const v1::Job& job) {
  const std::string path = DefaultOutputFolder(name, job.name());
  // What the loop below can't mend.
  RETURN_IF_ERROR(MissingArtifacts(job, path, /*force=*/true).status());
  std::string candidate = path;
  for (int i = 2; absl::IsInvalidArgument(MissingArtifacts(job, candidate, /*force=*/false).status()); ++i) {
    candidate = absl::StrCat(path, "-", i);
  }
  return OutputFolder::Prepare(candidate, /*force=*/true);
}

// Submits and, unless it is only asked what it costs, watches the job and fetches its files.
absl::StatusOr<int> RunJob(CommandContext& context, const PruneOptions& options, const LocalPrompts& local,
                           const v1::SubmitJobRequest& request, std::optional<OutputFolder>& folder) {
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  ASSIGN_OR_RETURN(const v1::SubmitJobResponse submitted, SubmitPruning(*client, local, request));
  if (options.validate_only) {
    PrintSubmitted(context, submitted);
    return kExitOk;
  }
  PrintError(absl::StrCat("circuit: ", submitted.job().name(), " submitted"));
  ASSIGN_OR_RETURN(const Watched watched, WatchWithProgress(context, *client, submitted.job(), /*after_sequence=*/0,
                                                            /*reach_within=*/absl::InfiniteDuration()));
  const int exit_code = ReportEnd(watched);
  if (exit_code != kExitOk) return exit_code;
  if (options.output.empty()) {
    folder.reset();
    ASSIGN_OR_RETURN(folder, PrepareDefaultFolder(options.prompts.Name(), watched.job));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> files,
                   FetchArtifacts(*client, watched.job, folder->path(), options.force));
  if (!context.options().json) context.out().Write(PruningSummary(watched.job.node_pruning()));
  PrintFiles(context, folder->path(), files);
  return kExitOk;
}

absl::StatusOr<int> Prune(CommandContext& context, const PruneOptions& options) {
  ASSIGN_OR_RETURN(const v1::SubmitJobRequest request, MakeSubmitRequest(options, absl::Now()));
  ASSIGN_OR_RETURN(const LocalPrompts local, options.prompts.ReadFiles());
  std::optional<OutputFolder> folder;
  if (!options.validate_only) {
    // The default one is named after the job; until there is one, the folder above it is tried.
    const bool chosen = !options.output.empty();
    ASSIGN_OR_RETURN(folder, OutputFolder::Prepare(chosen ? options.output : kOutputRoot, !chosen || options.force));
  }
  const std::optional<OutputFolder> tried = folder;
  absl::StatusOr<int> exit_code = RunJob(context, options, local, request, folder);
  if (!exit_code.ok() || *exit_code != kExitOk) {
    if (folder) folder->Abandon();
    if (tried) OutputFolder(*tried).Abandon();
  }
  return exit_code;
}

}  // namespace

void AddPruneCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("prune", "Find a circuit by greedy node pruning: submit, watch, fetch");
  command->fallthrough();
  auto options = std::make_shared<PruneOptions>();
  options->AddTo(*command);
  options->AddWatchingTo(*command);
  context.Register(command, [&context, options] { return Prune(context, *options); });
}

}  // namespace circuitd::client
