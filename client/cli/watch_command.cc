// `circuit watch` and `circuit fetch`.
#include <memory>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/count_option.h"
#include "client/cli/evaluation_report.h"
#include "client/cli/exit_code.h"
#include "client/cli/job_commands.h"
#include "client/cli/job_kind.h"
#include "client/cli/job_result.h"
#include "client/cli/output_folder.h"
#include "client/cli/progress.h"
#include "client/job_follower.h"

namespace circuitd::client {
namespace {

struct FetchOptions {
  std::string job;
  std::string output;
  bool force = false;
};

struct WatchCommandOptions {
  std::string job;
  uint64_t after_sequence = 0;
  size_t top = kEvaluationRows;
};

absl::StatusOr<int> Watch(CommandContext& context, const WatchCommandOptions& options) {
  v1::Job job;
  job.set_name(JobName(options.job));
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  WatchOptions watch;
  watch.after_sequence = options.after_sequence;
  watch.reach_within = context.options().retry_for;
  ASSIGN_OR_RETURN(const Watched watched, WatchWithProgress(context, *client, job, watch));
  const int exit_code = ReportEnd(watched);
  if (exit_code == kExitOk && !context.options().json) {
    PrintResult(context, watched.job, options.top);
    context.out().Write(absl::StrCat("Its files: circuit fetch ", job.name(), "\n"));
  }
  return exit_code;
}

absl::StatusOr<int> Fetch(CommandContext& context, const FetchOptions& options) {
  v1::GetJobRequest request;
  request.set_name(JobName(options.job));
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  ASSIGN_OR_RETURN(const v1::GetJobResponse response, client->GetJob(request));
  const v1::Job& job = response.job();
  if (!IsTerminal(job.state())) {
    return absl::FailedPreconditionError(
        absl::StrCat(job.name(), " is ", StateName(job.state()), ": it has files when it has succeeded"));
  }
  if (job.state() != v1::JOB_STATE_SUCCEEDED) return ReportEnd({false, job});
  const std::string path = options.output.empty() ? FindOutputFolder(TaskOf(job.spec()), job.name()) : options.output;
  // What is there already is compared file by file.
  ASSIGN_OR_RETURN(OutputFolder folder, OutputFolder::Prepare(path, /*force=*/true));
  const auto files = FetchArtifacts(*client, job, folder.path(), options.force);
  if (!files.ok()) folder.Abandon();
  RETURN_IF_ERROR(files.status());
  PrintFiles(context, folder.path(), *files);
  return kExitOk;
}

}  // namespace

void AddWatchCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("watch", "Watch a job to its end; it goes on when you leave");
  command->fallthrough();
  auto options = std::make_shared<WatchCommandOptions>();
  command->add_option("job", options->job, "The job's name: jobs/ID, or ID")->required();
  AddCountOption(*command, "--after-sequence", options->after_sequence, "Leave out the events up to this one");
  AddCountOption(*command, "--top", options->top, "Of an evaluation: parts in a table of what is lost without them")
      ->capture_default_str();
  context.Register(command, [&context, options] { return Watch(context, *options); });
}

void AddFetchCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("fetch", "Download the files of a job that has succeeded");
  command->fallthrough();
  auto options = std::make_shared<FetchOptions>();
  command->add_option("job", options->job, "The job's name: jobs/ID, or ID")->required();
  command->add_option("-o,--output", options->output, "Folder (default: circuit-out/TASK-ID)")->type_name("DIR");
  command->add_flag("--force", options->force, "Replace other files of the same names");
  context.Register(command, [&context, options] { return Fetch(context, *options); });
}

}  // namespace circuitd::client
