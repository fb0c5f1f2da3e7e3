// `circuit jobs`: what is running, waiting and done.
#include <map>
#include <memory>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/progress.h"
#include "client/cli/queue_text.h"
#include "client/cli/table.h"

namespace circuitd::client {
namespace {

struct JobsOptions {
  bool all = false;
  std::vector<v1::JobState> states;
};

std::string LocalTime(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M", absl::FromUnixSeconds(time.seconds()), absl::LocalTimeZone());
}

// What there is to say about a job in its state.
std::string Remark(const v1::Job& job) {
  switch (job.state()) {
    case v1::JOB_STATE_QUEUED:
      return QueueText(job, absl::Now(), absl::LocalTimeZone());
    case v1::JOB_STATE_RUNNING:
      if (job.progress().steps_done() == 0) return absl::StrCat("runs the whole model first", HeldBackText(job));
      return absl::StrFormat("iteration %d, %d decisions, %d left%s", job.progress().iteration() + 1,
                             job.progress().steps_done(), job.progress().steps_left(), HeldBackText(job));
    case v1::JOB_STATE_SUCCEEDED: {
      if (!job.has_node_pruning()) return "";
      const std::string from = job.cached_from().empty() ? "" : absl::StrCat(", from ", job.cached_from());
      return absl::StrFormat("score %.2f %%, %d nodes%s", job.node_pruning().score(),
                             job.node_pruning().circuit().nodes_size(), from);
    }
    default:
      return job.error().message();
  }
}

Table JobTable(const google::protobuf::RepeatedPtrField<v1::Job>& jobs) {
  Table table({"JOB", "STATE", "OWNER", "CREATED", "MODEL", "REMARK"});
  for (const v1::Job& job : jobs) {
    table.Add({job.name(), StateName(job.state()), job.owner(), LocalTime(job.create_time()),
               job.spec().node_pruning().model(), Remark(job)});
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
  jobs->add_option("--state", options->states,
                   "Only jobs that are queued, running, succeeded, failed or cancelled; several with commas")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->transform(CLI::CheckedTransformer(states).description(""))
      ->type_name("STATE");
  context.Register(jobs, [&context, options] { return List(context, *options); });
}

}  // namespace circuitd::client
