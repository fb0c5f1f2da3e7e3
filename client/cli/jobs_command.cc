// `circuit jobs`: what is running, waiting and done.
#include <map>
#include <memory>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "client/cli/choice_option.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/job_kind.h"
#include "client/cli/progress.h"
#include "client/cli/queue_text.h"
#include "client/cli/summary.h"
#include "client/cli/table.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

struct JobsOptions {
  bool all = false;
  std::vector<v1::JobState> states;
};

std::string LocalTime(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M", absl::FromUnixSeconds(time.seconds()), absl::LocalTimeZone());
}

// How far a running job is.
std::string RunningText(const v1::Job& job) {
  const v1::JobProgress& progress = job.progress();
  const std::string noun = StepNoun(job.spec());
  if (progress.steps_done() == 0 && noun == "decision") return "runs the whole model first";
  const std::string iteration =
      job.spec().has_node_pruning() ? absl::StrCat("iteration ", progress.iteration() + 1, ", ") : "";
  return absl::StrCat(iteration, CountOf(progress.steps_done(), noun), ", ", progress.steps_left(), " left");
}

// What there is to say about a job in its state.
std::string Remark(const v1::Job& job) {
  switch (job.state()) {
    case v1::JOB_STATE_QUEUED:
      return QueueText(job, absl::Now(), absl::LocalTimeZone());
    case v1::JOB_STATE_RUNNING:
      return absl::StrCat(RunningText(job), HeldBackText(job));
    case v1::JOB_STATE_SUCCEEDED:
      return absl::StrCat(ResultLine(job), job.cached_from().empty() ? "" : ", from ", job.cached_from());
    default:
      return job.error().message();
  }
}

Table JobTable(const google::protobuf::RepeatedPtrField<v1::Job>& jobs) {
  Table table({"JOB", "KIND", "STATE", "OWNER", "CREATED", "MODEL", "REMARK"});
  for (const v1::Job& job : jobs) {
    table.Add({job.name(), KindName(job.spec()), StateName(job.state()), job.owner(), LocalTime(job.create_time()),
               ModelOf(job.spec()), Remark(job)});
  }
  return table;
}

absl::StatusOr<int> List(CommandContext& context, const JobsOptions& options) {
  v1::ListJobsRequest request;
  if (!options.all) request.set_owner(context.options().user);
  for (v1::JobState state : options.states) request.add_states(state);
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  v1::ListJobsResponse all;
  do {
    ASSIGN_OR_RETURN(const v1::ListJobsResponse page, client->ListJobs(request));
    all.mutable_jobs()->MergeFrom(page.jobs());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (context.options().json) {
    context.PrintJson(all);
  } else {
    context.Print(JobTable(all.jobs()));
  }
  return kExitOk;
}

}  // namespace

void AddJobsCommand(CLI::App& app, CommandContext& context) {
  CLI::App* jobs = app.add_subcommand("jobs", "List your jobs (those of --user), newest first");
  jobs->fallthrough();
  auto options = std::make_shared<JobsOptions>();
  jobs->add_flag("--all", options->all, "Everybody's jobs");
  const std::map<std::string, v1::JobState> states = {{"queued", v1::JOB_STATE_QUEUED},
                                                      {"running", v1::JOB_STATE_RUNNING},
                                                      {"succeeded", v1::JOB_STATE_SUCCEEDED},
                                                      {"failed", v1::JOB_STATE_FAILED},
                                                      {"cancelled", v1::JOB_STATE_CANCELLED}};
  AddChoiceOption(*jobs, "--state", options->states, states,
                  "Only jobs that are queued, running, succeeded, failed or cancelled; several with commas", "STATE")
      ->delimiter(',')
      ->allow_extra_args(false);
  context.Register(jobs, [&context, options] { return List(context, *options); });
}

}  // namespace circuitd::client
