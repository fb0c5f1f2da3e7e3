// The options of `circuit prune`, and the job they ask for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "circuitd/v1/job.pb.h"
#include "client/cli/prompt_files.h"

namespace circuitd::client {

struct PruneOptions {
  std::string model;
  std::string task;
  std::vector<std::string> variants;
  uint64_t seed = 0;
  std::optional<uint32_t> num_samples;
  std::string prompts;
  std::string corrupted;
  double threshold = 20;
  v1::MlpMeans means = v1::MLP_MEANS_SEQCONT;
  bool one_iter = false;
  std::optional<uint32_t> max_iterations;
  bool first_token = false;
  std::vector<std::string> labels;
  int32_t priority = 0;
  std::string deadline;
  std::string request_id;
  bool validate_only = false;
  bool detach = false;
  std::string output;
  bool force = false;

  void AddTo(CLI::App& app);
  // What the default output folder is called after: the task, or the prompts' file or folder.
  std::string FolderName() const;
};

// Files of prompts that a run needs at the server.
struct LocalPrompts {
  // One of them is filled, or none for a generated task.
  std::optional<std::string> pairs;
  std::optional<PublishedFiles> published;
};

// Reads what --prompts names: a folder or file of the published layout, or a file of pairs. INVALID_ARGUMENT for
// options that do not go together.
absl::StatusOr<LocalPrompts> ReadLocalPrompts(const PruneOptions& options);

// Everything but the datasets' names, which need an upload. INVALID_ARGUMENT for labels and deadlines that cannot be
// read.
absl::StatusOr<v1::SubmitJobRequest> MakeSubmitRequest(const PruneOptions& options, absl::Time now);

// "2h30m" from now, or a time: "2026-01-31T18:00:00Z".
absl::StatusOr<absl::Time> ParseDeadline(absl::string_view text, absl::Time now);

}  // namespace circuitd::client
