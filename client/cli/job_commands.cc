#include "client/cli/job_commands.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/escape_text.h"
#include "base/status.h"
#include "client/artifact_download.h"
#include "client/cli/exit_code.h"
#include "client/cli/interrupt_dialogue.h"
#include "client/cli/json_output.h"
#include "client/cli/progress_printer.h"
#include "client/cli/queue_refresher.h"
#include "client/cli/summary.h"
#include "client/cli/terminal_size.h"
#include "client/job_follower.h"
#include "client/local_file.h"
#include "nlohmann/json.hpp"

namespace circuitd::client {
namespace {

constexpr absl::Duration kQueueRefresh = absl::Seconds(5);

ProgressPrinter::Mode ModeFor(bool json) {
  if (isatty(STDERR_FILENO) == 1) {
    // What others write to the terminal meanwhile would be drawn over.
    const bool alone = !json || isatty(STDOUT_FILENO) != 1;
    return alone && CanMoveUp(STDERR_FILENO) ? ProgressPrinter::Mode::kBoard : ProgressPrinter::Mode::kBar;
  }
  return json ? ProgressPrinter::Mode::kSilent : ProgressPrinter::Mode::kLines;
}

InterruptActions MakeActions(Client& client, const std::string& job_name, ProgressPrinter& printer,
                             const std::atomic<bool>& ends_unwatched, Canceller& canceller) {
  InterruptActions actions;
  actions.job_name = job_name;
  actions.ends_unwatched = [&] { return ends_unwatched.load(); };
  actions.ask = [&](const std::string& question) {
    printer.Pause();
    (void)WriteFully(STDERR_FILENO, absl::StrCat("\n", EscapeText(question)), "standard error");
  };
  actions.resume = [&] { printer.Resume(); };
  actions.cancel_job = [&, job_name] {
    v1::CancelJobRequest request;
    request.set_name(job_name);
    const auto cancelled = client.CancelJob(request);
    printer.Say(cancelled.ok() ? absl::StrCat(job_name, " stops at its next forward pass; Ctrl-C detaches")
                               : ErrorLine(cancelled.status()));
  };
  actions.detach = [&] { canceller.Cancel(); };
  return actions;
}

std::string LostLine(const absl::Status& error, absl::Duration give_up_after) {
  return absl::StrCat("connection lost (", error.message(), "); trying again for ",
                      absl::FormatDuration(give_up_after));
}

}  // namespace

absl::StatusOr<v1::SubmitJobResponse> SubmitPlanned(Client& client, const JobPlan& plan, v1::SubmitJobRequest request) {
  for (const auto& upload : plan.uploads) RETURN_IF_ERROR(upload(client, *request.mutable_spec()));
  return client.SubmitJob(request);
}

void PrintSubmitted(CommandContext& context, const JobPlan& plan, const v1::SubmitJobResponse& submitted) {
  if (context.options().json) {
    context.PrintJson(submitted);
  } else if (submitted.has_estimate()) {
    context.out().Write(CostSummary(submitted.estimate(), plan.spec));
  } else {
    context.out().Write(absl::StrCat(EscapeText(submitted.job().name()), "\n"));
  }
}

absl::StatusOr<Watched> WatchWithProgress(CommandContext& context, Client& client, const v1::Job& job,
                                          const WatchOptions& watch) {
  const bool json = context.options().json;
  const std::string& job_name = job.name();
  context.HushRetries();
  ProgressPrinter printer(STDERR_FILENO, ModeFor(json));
  Canceller canceller;
  std::atomic<bool> ends_unwatched = job.spec().cancel_on_disconnect();
  const bool interactive = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
  const InterruptDialogue dialogue(MakeActions(client, job_name, printer, ends_unwatched, canceller), STDIN_FILENO,
                                   interactive);
  const QueueRefresher refresher(
      client, job_name, kQueueRefresh, [&] { return printer.ShowsQueue(); },
      [&](const v1::Job& now) { printer.Refresh(now); });
  v1::Job last = job;
  // Perhaps nobody is there.
  bool absent = watch.reach_within < FollowOptions().back_off.give_up_after;
  // One line for each time that the server is lost.
  bool lost = false;
  FollowOptions options;
  options.after_sequence = watch.after_sequence;
  options.reach_within = watch.reach_within;
  options.canceller = &canceller;
  options.on_reconnect = [&](const absl::Status& error, absl::Duration) {
    if (std::exchange(lost, true)) return;
    printer.Say(absent ? RetryLine(context.options()) : LostLine(error, options.back_off.give_up_after));
  };
  const absl::StatusOr<v1::Job> ended = FollowJob(client, job_name, options, [&](const v1::WatchJobResponse& message) {
    absent = false;
    lost = false;
    if (message.has_job()) {
      last = message.job();
      ends_unwatched = last.spec().cancel_on_disconnect();
    }
    if (json && watch.json_messages) context.out().Write(JsonLine(message));
    printer.Update(message);
    return absl::OkStatus();
  });
  if (canceller.cancelled()) return Watched{true, last};
  if (absl::IsUnavailable(ended.status()) && !absent) {
    printer.Say(absl::StrCat(job_name, ends_unwatched ? " is cancelled" : " goes on",
                             " if its server does; watch it again: circuit watch ", job_name));
  }
  RETURN_IF_ERROR(ended.status());
  return Watched{false, *ended};
}

absl::StatusOr<Watched> SubmitAndWatch(CommandContext& context, Client& client, const JobPlan& plan,
                                       const v1::SubmitJobRequest& request, const WatchOptions& options) {
  ASSIGN_OR_RETURN(const v1::SubmitJobResponse submitted, SubmitPlanned(client, plan, request));
  PrintError(absl::StrCat("circuit: ", submitted.job().name(), " submitted"));
  return WatchWithProgress(context, client, submitted.job(), options);
}

int ReportEnd(const Watched& watched) {
  const std::string& name = watched.job.name();
  if (watched.detached && watched.job.spec().cancel_on_disconnect()) {
    PrintError(absl::StrCat("circuit: detached, ", name, " is cancelled unless somebody else watches it"));
    return kExitDetached;
  }
  if (watched.detached) {
    PrintError(absl::StrCat("circuit: detached, ", name, " goes on"));
    PrintError(absl::StrCat("  watch it again:  circuit watch ", name));
    PrintError(absl::StrCat("  get its files:   circuit fetch ", name));
    return kExitDetached;
  }
  if (watched.job.state() != v1::JOB_STATE_SUCCEEDED) {
    PrintError(absl::StrCat("circuit: ", FailureText(watched.job)));
  } else if (!watched.job.cached_from().empty()) {
    PrintError(absl::StrCat("circuit: this is the result of ", watched.job.cached_from(),
                            ", an equal job; --no-cache computes it again"));
  }
  return ExitCode(watched.job.state());
}

absl::StatusOr<std::vector<v1::Artifact>> MissingArtifacts(const v1::Job& job, const std::string& folder, bool force) {
  std::vector<v1::Artifact> missing;
  for (const v1::Artifact& artifact : job.artifacts()) {
    RETURN_IF_ERROR(CheckArtifactName(artifact.name()));
    const std::string path = absl::StrCat(folder, "/", artifact.name());
    std::error_code error;
    if (std::filesystem::exists(path, error)) {
      ASSIGN_OR_RETURN(const std::string sha256, FileSha256(path));
      if (sha256 == artifact.sha256()) continue;
      if (!force) return InvalidField("output", absl::StrCat("'", path, "' is another file; --force replaces it"));
    }
    missing.push_back(artifact);
  }
  return missing;
}

absl::StatusOr<std::vector<std::string>> FetchArtifacts(Client& client, const v1::Job& job, const std::string& folder,
                                                        bool force) {
  ASSIGN_OR_RETURN(const std::vector<v1::Artifact> missing, MissingArtifacts(job, folder, force));
  DownloadOptions options;
  bool said = false;
  options.on_reconnect = [&](const absl::Status& error, absl::Duration) {
    if (!std::exchange(said, true)) {
      PrintError(absl::StrCat("circuit: ", LostLine(error, options.back_off.give_up_after)));
    }
  };
  for (const v1::Artifact& artifact : missing) {
    RETURN_IF_ERROR(DownloadArtifactTo(client, job.name(), artifact, folder, options));
  }
  std::vector<std::string> names;
  for (const v1::Artifact& artifact : job.artifacts()) names.push_back(artifact.name());
  return names;
}

void PrintFiles(CommandContext& context, const std::string& folder, const std::vector<std::string>& files) {
  if (context.options().json) {
    const nlohmann::ordered_json json = {{"folder", folder}, {"files", files}};
    context.out().Write(absl::StrCat(json.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace), "\n"));
  } else {
    context.out().Write(absl::StrCat("Files in ", EscapeText(folder), ": ", absl::StrJoin(files, " "), "\n"));
  }
}

}  // namespace circuitd::client
