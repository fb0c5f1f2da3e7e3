#include "client/cli/job_commands.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "client/artifact_download.h"
#include "client/cli/exit_code.h"
#include "client/cli/interrupt_dialogue.h"
#include "client/cli/json_output.h"
#include "client/cli/progress_printer.h"
#include "client/cli/summary.h"
#include "client/cli/text.h"
#include "client/job_follower.h"
#include "client/local_file.h"
#include "nlohmann/json.hpp"

namespace circuitd::client {
namespace {

ProgressPrinter::Mode ModeFor(bool json) {
  if (isatty(STDERR_FILENO) == 1) return ProgressPrinter::Mode::kBar;
  return json ? ProgressPrinter::Mode::kSilent : ProgressPrinter::Mode::kLines;
}

InterruptActions MakeActions(Client& client, const std::string& job_name, ProgressPrinter& printer,
                             Canceller& canceller) {
  InterruptActions actions;
  actions.job_name = job_name;
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

}  // namespace

absl::StatusOr<Watched> WatchWithProgress(CommandContext& context, Client& client, const std::string& job_name,
                                          uint64_t after_sequence, bool fail_fast) {
  const bool json = context.options().json;
  ProgressPrinter printer(STDERR_FILENO, ModeFor(json));
  Canceller canceller;
  const bool interactive = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
  const InterruptDialogue dialogue(MakeActions(client, job_name, printer, canceller), STDIN_FILENO, interactive);
  FollowOptions options;
  options.after_sequence = after_sequence;
  options.fail_fast = fail_fast;
  options.canceller = &canceller;
  options.on_reconnect = [&](const absl::Status& error, absl::Duration wait) {
    printer.Say(absl::StrCat("connection lost (", error.message(), "); trying again in ",
                             absl::FormatDuration(absl::Trunc(wait, absl::Milliseconds(100)))));
  };
  const absl::StatusOr<v1::Job> job = FollowJob(client, job_name, options, [&](const v1::WatchJobResponse& message) {
    if (json) context.out().Write(JsonLine(message));
    printer.Update(message);
    return absl::OkStatus();
  });
  if (canceller.cancelled()) return Watched{true, {}};
  if (absl::IsUnavailable(job.status()) && !fail_fast) {
    printer.Say(absl::StrCat(job_name, " goes on if its server does; watch it again: circuit watch ", job_name));
  }
  RETURN_IF_ERROR(job.status());
  return Watched{false, *job};
}

int ReportEnd(const Watched& watched, const std::string& job_name) {
  if (watched.detached) {
    PrintError(absl::StrCat("circuit: detached, ", job_name, " goes on"));
    PrintError(absl::StrCat("  watch it again:  circuit watch ", job_name));
    PrintError(absl::StrCat("  get its files:   circuit fetch ", job_name));
    return kExitDetached;
  }
  if (watched.job.state() != v1::JOB_STATE_SUCCEEDED) PrintError(absl::StrCat("circuit: ", FailureText(watched.job)));
  return ExitCode(watched.job.state());
}

absl::StatusOr<std::vector<std::string>> FetchArtifacts(Client& client, const v1::Job& job, const std::string& folder,
                                                        bool force) {
  std::vector<std::string> names;
  std::vector<const v1::Artifact*> missing;
  for (const v1::Artifact& artifact : job.artifacts()) {
    RETURN_IF_ERROR(CheckArtifactName(artifact.name()));
    names.push_back(artifact.name());
    const std::string path = absl::StrCat(folder, "/", artifact.name());
    std::error_code error;
    if (!std::filesystem::exists(path, error)) {
      missing.push_back(&artifact);
      continue;
    }
    ASSIGN_OR_RETURN(const std::string sha256, FileSha256(path));
    if (sha256 == artifact.sha256()) continue;
    if (!force) return InvalidField("output", absl::StrCat("'", path, "' is another file; --force replaces it"));
    missing.push_back(&artifact);
  }
  for (const v1::Artifact* artifact : missing) {
    RETURN_IF_ERROR(DownloadArtifactTo(client, job.name(), *artifact, folder, {}));
  }
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
