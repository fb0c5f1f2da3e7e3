// What the commands that submit jobs, watch them and fetch their files share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "circuitd/v1/job.pb.h"
#include "client/cli/command.h"
#include "client/cli/job_plan.h"
#include "client/client.h"

namespace circuitd::client {

// Sends what of the plan's files the server does not have, and submits `request`, which has the plan's spec.
absl::StatusOr<v1::SubmitJobResponse> SubmitPlanned(Client& client, const JobPlan& plan, v1::SubmitJobRequest request);

// The job's name, or what it would cost; the whole response with --json.
void PrintSubmitted(CommandContext& context, const JobPlan& plan, const v1::SubmitJobResponse& submitted);

struct Watched {
  // Ctrl-C: this command no longer watches it.
  bool detached = false;
  // The ended job; if detached, as it was when the watch, or last connection, began.
  v1::Job job;
};

struct WatchOptions {
  // See FollowOptions.
  uint64_t after_sequence = 0;
  absl::Duration reach_within = absl::InfiniteDuration();
  // With --json: every message on standard output, one a line.
  bool json_messages = true;
};

// Follows `job`, of which only the name need be known, with its progress on standard error, through lost connections
// and Ctrl-C.
absl::StatusOr<Watched> WatchWithProgress(CommandContext& context, Client& client, const v1::Job& job,
                                          const WatchOptions& options);

// SubmitPlanned, a line on standard error, and WatchWithProgress.
absl::StatusOr<Watched> SubmitAndWatch(CommandContext& context, Client& client, const JobPlan& plan,
                                       const v1::SubmitJobRequest& request, const WatchOptions& options = {});

// Says how the watch ended, unless the job succeeded, and its exit code.
int ReportEnd(const Watched& watched);

// The artifacts of a succeeded job that the folder does not have yet. Files that are there with other bytes are
// INVALID_ARGUMENT; with `force` they count as missing.
absl::StatusOr<std::vector<v1::Artifact>> MissingArtifacts(const v1::Job& job, const std::string& folder, bool force);

// Downloads them, and returns the names of all artifacts. Errors before anything is downloaded as MissingArtifacts.
absl::StatusOr<std::vector<std::string>> FetchArtifacts(Client& client, const v1::Job& job, const std::string& folder,
                                                        bool force);

// Where the files are: a line for people, {"folder", "files"} with --json.
void PrintFiles(CommandContext& context, const std::string& folder, const std::vector<std::string>& files);

}  // namespace circuitd::client
