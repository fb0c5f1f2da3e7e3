#include "client/cli/prune_options.h"

#include <utility>

#include "CLI/CLI.hpp"
#include "client/cli/ablation_options.h"
#include "client/cli/count_option.h"

namespace circuitd::client {

void PruneOptions::AddTo(CLI::App& app) {
  discovery_.AddTo(app);
  app.add_option("--threshold", threshold_, "Points of the score that the circuit may lose")->capture_default_str();
  AddMeansOption(app, means_, "seqcont");
  CLI::Option* once = app.add_flag("--one-iter", one_iter_, "One backward and one forward sweep");
  AddCountOption(app, "--max-iterations", max_iterations_, "Iterations at most (default: until nothing more can leave)")
      ->excludes(once);
}

absl::StatusOr<JobPlan> PruneOptions::Plan() const {
  v1::NodePruningSpec pruning;
  pruning.set_means(means_);
  pruning.set_threshold(threshold_);
  if (one_iter_) pruning.set_max_iterations(1);
  if (max_iterations_) pruning.set_max_iterations(*max_iterations_);
  return discovery_.Plan(std::move(pruning), &v1::JobSpec::mutable_node_pruning);
}

}  // namespace circuitd::client
