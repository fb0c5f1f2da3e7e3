// What the commands that watch jobs and fetch their files share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "circuitd/v1/job.pb.h"
#include "client/cli/command.h"
#include "client/client.h"

namespace circuitd::client {

struct Watched {
  // Ctrl-C: the job goes on and nobody watches it.
  bool detached = false;
  // The ended job, unless detached.
  v1::Job job;
};

// Follows a job with its progress on standard error (with --json also every message on standard output, one a line),
// through lost connections and Ctrl-C. `fail_fast`: an unreachable server is an error at once.
absl::StatusOr<Watched> WatchWithProgress(CommandContext& context, Client& client, const std::string& job_name,
                                          uint64_t after_sequence, bool fail_fast);

// Says how the watch ended, unless the job succeeded, and its exit code.
int ReportEnd(const Watched& watched, const std::string& job_name);

// Downloads all artifacts of a succeeded job to the folder. Files that are there already with the same bytes are kept;
// with other bytes: INVALID_ARGUMENT before anything is downloaded, unless `force`.
absl::StatusOr<std::vector<std::string>> FetchArtifacts(Client& client, const v1::Job& job, const std::string& folder,
                                                        bool force);

// Where the files are: a line for people, {"folder", "files"} with --json.
void PrintFiles(CommandContext& context, const std::string& folder, const std::vector<std::string>& files);

}  // namespace circuitd::client
