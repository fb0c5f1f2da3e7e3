// What `circuit prune` and `circuit submit` ask for.
#pragma once

#include <cstdint>
#include <optional>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "client/cli/discovery_options.h"
#include "client/cli/job_plan.h"

namespace circuitd::client {

class PruneOptions {
 public:
  void AddTo(CLI::App& app);
  // Reads the prompts' files.
  absl::StatusOr<JobPlan> Plan() const;

 private:
  DiscoveryOptions discovery_;
  double threshold_ = 20;
  v1::MlpMeans means_ = v1::MLP_MEANS_SEQCONT;
  bool one_iter_ = false;
  std::optional<uint32_t> max_iterations_;
};

}  // namespace circuitd::client
