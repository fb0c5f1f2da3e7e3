#include "client/cli/job_options.h"

#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace circuitd::client {

void JobOptions::AddTo(CLI::App& app) {
  app.add_option("--labels", labels, "KEY=VALUE; several with commas")->delimiter(',')->allow_extra_args(false);
  app.add_option("--priority", priority, "-100 to 100; of your waiting jobs, higher ones run first")
      ->capture_default_str();
  app.add_option("--deadline", deadline,
                 "When the job fails if it has not ended: 2h30m from now, or 2026-01-31T18:00:00Z");
  app.add_option("--request-id", request_id, "Submitting again with the same id finds the same job");
  app.add_flag("--no-cache", no_cache, "Compute it even if an equal job has succeeded");
  app.add_flag("--validate-only", validate_only, "Only say what the job would cost");
}

void JobOptions::AddWatchingTo(CLI::App& app) {
  app.add_flag("--cancel-on-disconnect", cancel_on_disconnect,
               "Cancel the job when nobody watches it any more, neither this command nor another");
  app.add_option("-o,--output", output, "Folder for the files (default: circuit-out/TASK-ID)")
      ->type_name("DIR")
      ->excludes("--validate-only");
  app.add_flag("--force", force, "Write into a folder that is not empty");
  app.add_flag("--detach", detach, "Print the job's name and leave it to itself")
      ->excludes("--cancel-on-disconnect")
      ->excludes("--output")
      ->excludes("--force");
}

absl::StatusOr<absl::Time> ParseDeadline(absl::string_view text, absl::Time now) {
  absl::Duration duration;
  absl::Time time;
  std::string error;
  if (absl::ParseDuration(text, &duration) && duration != absl::InfiniteDuration() &&
      duration != -absl::InfiniteDuration()) {
    return now + duration;
  }
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error)) return time;
  return InvalidField("--deadline", absl::StrCat("'", text,
                                                 "' is neither a duration (2h30m) nor a time "
                                                 "(2026-01-31T18:00:00Z)"));
}

absl::StatusOr<v1::SubmitJobRequest> MakeSubmitRequest(const JobOptions& options, v1::JobSpec spec, absl::Time now) {
  v1::SubmitJobRequest request;
  request.set_request_id(options.request_id);
  request.set_no_cache(options.no_cache);
  request.set_validate_only(options.validate_only);
  v1::JobSpec& job = *request.mutable_spec();
  job = std::move(spec);
  job.set_priority(options.priority);
  job.set_cancel_on_disconnect(options.cancel_on_disconnect);
  for (const std::string& label : options.labels) {
    const std::vector<std::string> pair = absl::StrSplit(label, absl::MaxSplits('=', 1));
    if (pair.size() != 2) return InvalidField("--labels", absl::StrCat("'", label, "' is not KEY=VALUE"));
    (*job.mutable_labels())[pair[0]] = pair[1];
  }
  if (!options.deadline.empty()) {
    ASSIGN_OR_RETURN(const absl::Time deadline, ParseDeadline(options.deadline, now));
    const int64_t seconds = absl::ToUnixSeconds(deadline);
    job.mutable_deadline()->set_seconds(seconds);
    job.mutable_deadline()->set_nanos(
        static_cast<int32_t>(absl::ToInt64Nanoseconds(deadline - absl::FromUnixSeconds(seconds))));
  }
  return request;
}

}  // namespace circuitd::client
