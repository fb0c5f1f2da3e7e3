// What the commands that submit jobs, watch them and fetch their files share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "circuitd/v1/job.pb.h"
#include "client/cli/command.h"
#include "client/cli/prompt_source_options.h"
#include "client/client.h"

namespace circuitd::client {

// Sends the prompts that the server does not have, and submits.
absl::StatusOr<v1::SubmitJobResponse> SubmitPruning(Client& client, const LocalPrompts& local,
                                                    v1::SubmitJobRequest request);

// The job's name, or what it would cost; the whole response with --json.
void PrintSubmitted(CommandContext& context, const v1::SubmitJobResponse& submitted);

struct Watched {
  // Ctrl-C: this command no longer watches it.
  bool detached = false;
  // The ended job; if detached, as it was when the watch, or last connection, began.
  v1::Job job;
};

// Follows `job`, of which only the name need be known, with its progress on standard error (with --json also every
// message on standard output, one a line), through lost connections and Ctrl-C. `reach_within`: see FollowOptions.
absl::StatusOr<Watched> WatchWithProgress(CommandContext& context, Client& client, const v1::Job& job,
                                          uint64_t after_sequence, absl::Duration reach_within);

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
