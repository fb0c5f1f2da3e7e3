#include "client/cli/run_job.h"

#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/exit_code.h"
#include "client/cli/job_commands.h"
#include "client/cli/job_result.h"
#include "client/cli/output_folder.h"

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

// With the folder tried.
absl::StatusOr<int> WatchAndFetch(CommandContext& context, const JobOptions& options, const JobPlan& plan,
                                  const v1::SubmitJobRequest& request, std::optional<OutputFolder>& folder) {
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  ASSIGN_OR_RETURN(const Watched watched, SubmitAndWatch(context, *client, plan, request));
  const int exit_code = ReportEnd(watched);
  if (exit_code != kExitOk) return exit_code;
  if (options.output.empty()) {
    folder.reset();
    ASSIGN_OR_RETURN(folder, PrepareDefaultFolder(plan.name, watched.job));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> files,
                   FetchArtifacts(*client, watched.job, folder->path(), options.force));
  if (!context.options().json) PrintResult(context, watched.job, plan.top);
  PrintFiles(context, folder->path(), files);
  return kExitOk;
}

}  // namespace

absl::StatusOr<int> RunJob(CommandContext& context, const JobOptions& options, const JobPlan& plan) {
  ASSIGN_OR_RETURN(const v1::SubmitJobRequest request, MakeSubmitRequest(options, plan.spec, absl::Now()));
  if (options.validate_only || options.detach) {
    ASSIGN_OR_RETURN(const auto client, context.Connect());
    ASSIGN_OR_RETURN(const v1::SubmitJobResponse submitted, SubmitPlanned(*client, plan, request));
    PrintSubmitted(context, plan, submitted);
    return kExitOk;
  }
  // The default one is named after the job; until there is one, the folder above it is tried.
  const bool chosen = !options.output.empty();
  std::optional<OutputFolder> folder;
  ASSIGN_OR_RETURN(folder, OutputFolder::Prepare(chosen ? options.output : kOutputRoot, !chosen || options.force));
  OutputFolder tried = *folder;
  absl::StatusOr<int> exit_code = WatchAndFetch(context, options, plan, request, folder);
  if (!exit_code.ok() || *exit_code != kExitOk) {
    if (folder) folder->Abandon();
    tried.Abandon();
  }
  return exit_code;
}

}  // namespace circuitd::client
