// `circuit jobs`, `circuit jobs delete`, `circuit cancel`.
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
      return absl::StrCat(job.queue_position(), " before it");
    case v1::JOB_STATE_RUNNING:
      if (job.progress().decisions_made() == 0) return "runs the whole model first";
      return absl::StrFormat("iteration %d, %d decisions, %d left", job.progress().iteration() + 1,
                             job.progress().decisions_made(), job.progress().candidates_left());
    case v1::JOB_STATE_SUCCEEDED:
      return job.has_node_pruning() ? absl::StrFormat("score %.2f %%, %d nodes", job.node_pruning().score(),
                                                      job.node_pruning().circuit().nodes_size())
                                    : "";
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

absl::StatusOr<int> Delete(CommandContext& context, const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  for (const std::string& name : names) {
    v1::DeleteJobRequest request;
    request.set_name(JobName(name));
    RETURN_IF_ERROR(client->DeleteJob(request).status());
  }
  if (context.options().json) context.PrintJson(v1::DeleteJobResponse());
  return kExitOk;
}

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

}  // namespace

void AddJobsCommand(CLI::App& app, CommandContext& context) {
  CLI::App* jobs = app.add_subcommand("jobs", "List your jobs (those of --user), newest first, or delete ended ones");
  jobs->fallthrough()->require_subcommand(0, 1);
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

  CLI::App* remove = jobs->add_subcommand("delete", "Forget ended jobs and their files at the server");
  remove->fallthrough();
  auto names = std::make_shared<std::vector<std::string>>();
  remove->add_option("job", *names, "The jobs' names: jobs/ID, or ID")->required();
  context.Register(remove, [&context, names] { return Delete(context, *names); });
}

void AddCancelCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("cancel", "Ask a job to stop at its next forward pass");
  command->fallthrough();
  auto name = std::make_shared<std::string>();
  command->add_option("job", *name, "The job's name: jobs/ID, or ID")->required();
  context.Register(command, [&context, name] { return Cancel(context, *name); });
}

}  // namespace circuitd::client
