// The options of `circuit prune` and `circuit submit`, and the job they ask for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "circuitd/v1/job.pb.h"
#include "client/cli/prompt_source_options.h"

namespace circuitd::client {

struct PruneOptions {
  std::string model;
  PromptSourceOptions prompts;
  double threshold = 20;
  v1::MlpMeans means = v1::MLP_MEANS_SEQCONT;
  bool one_iter = false;
  std::optional<uint32_t> max_iterations;
  std::vector<std::string> labels;
  int32_t priority = 0;
  std::string deadline;
  std::string request_id;
  bool no_cache = false;
  bool validate_only = false;
  // Of `circuit prune` alone.
  bool cancel_on_disconnect = false;
  std::string output;
  bool force = false;

  // What the job is.
  void AddTo(CLI::App& app);
  // What becomes of it while and after it is watched. After AddTo.
  void AddWatchingTo(CLI::App& app);
};

// Everything but the datasets' names, which need an upload. INVALID_ARGUMENT for labels and deadlines that cannot be
// read.
absl::StatusOr<v1::SubmitJobRequest> MakeSubmitRequest(const PruneOptions& options, absl::Time now);

// "2h30m" from now, or a time: "2026-01-31T18:00:00Z".
absl::StatusOr<absl::Time> ParseDeadline(absl::string_view text, absl::Time now);

}  // namespace circuitd::client
