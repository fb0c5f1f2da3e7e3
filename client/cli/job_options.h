// The options that every command which submits a job has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "circuitd/v1/job.pb.h"

namespace circuitd::client {

struct JobOptions {
  std::vector<std::string> labels;
  int32_t priority = 0;
  std::string deadline;
  std::string request_id;
  bool no_cache = false;
  bool validate_only = false;
  // Of commands that watch the job:
  bool detach = false;
  bool cancel_on_disconnect = false;
  std::string output;
  bool force = false;

  // How the job is submitted.
  void AddTo(CLI::App& app);
  // What becomes of it while and after it is watched. After AddTo.
  void AddWatchingTo(CLI::App& app);
};

// INVALID_ARGUMENT for labels and deadlines that cannot be read.
absl::StatusOr<v1::SubmitJobRequest> MakeSubmitRequest(const JobOptions& options, v1::JobSpec spec, absl::Time now);

// "2h30m" from now, or a time: "2026-01-31T18:00:00Z".
absl::StatusOr<absl::Time> ParseDeadline(absl::string_view text, absl::Time now);

}  // namespace circuitd::client
