// `circuit prune`: prompts up, job watched, circuit down.
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

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

// The default folder, or, if a job of that name has been here already, the first free one with a number.
absl::StatusOr<OutputFolder> PrepareDefaultFolder(const std::string& name, const std::string& job_name) {
  const std::string path = DefaultOutputFolder(name, job_name);
  std::string candidate = path;
  std::error_code error;
  for (int i = 2; std::filesystem::exists(candidate, error); ++i) candidate = absl::StrCat(path, "-", i);
  return OutputFolder::Prepare(candidate, /*force=*/false);
}

// Submits and, unless it is only asked what it costs or left alone, watches the job and fetches its files.
absl::StatusOr<int> RunJob(CommandContext& context, const PruneOptions& options, const LocalPrompts& local,
                           v1::SubmitJobRequest request, std::optional<OutputFolder>& folder) {
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  RETURN_IF_ERROR(UploadPrompts(*client, local, *request.mutable_spec()->mutable_node_pruning()->mutable_prompts()));
  ASSIGN_OR_RETURN(const v1::SubmitJobResponse submitted, client->SubmitJob(request));
  const std::string& job_name = submitted.job().name();
  if (options.validate_only || options.detach) {
    if (context.options().json) {
      context.PrintJson(submitted);
    } else {
      context.out().Write(options.validate_only ? CostSummary(submitted.estimate()) : absl::StrCat(job_name, "\n"));
    }
    return kExitOk;
  }
  PrintError(absl::StrCat("circuit: ", job_name, " submitted"));
  ASSIGN_OR_RETURN(const Watched watched, WatchWithProgress(context, *client, job_name, 0, /*fail_fast=*/false));
  const int exit_code = ReportEnd(watched, job_name);
  if (exit_code != kExitOk) return exit_code;
  if (options.output.empty()) {
    folder.reset();
    ASSIGN_OR_RETURN(folder, PrepareDefaultFolder(options.prompts.Name(), job_name));
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
  if (!options.validate_only && !options.detach) {
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
  context.Register(command, [&context, options] { return Prune(context, *options); });
}

}  // namespace circuitd::client
