// Complete node pruning runs and scores of node sets, and how they are compared with this implementation's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/circuit/node_pruning.h"
#include "server/model/model.h"
#include "server/model/prompt_pair.h"

namespace circuitd {

inline constexpr double kScoreTolerance = 1e-3;  // points of the score

struct GoldenDecision {
  Node node;
  double score = 0;
  bool removed = false;
};

struct PruningGolden {
  std::string task;
  NodePruningOptions options;
  double full_logit_diff = 0;
  NodeSet circuit;
  double score = 0;
  std::optional<bool> converged;  // nullopt: not known
  std::vector<GoldenDecision> decisions;
};

// A file that make_node_pruning.py wrote.
absl::StatusOr<PruningGolden> ReadRepositoryPruning(const std::string& path);

struct SharedPruning {
  PruningGolden golden;
  int num_samples = 0;  // of each variant of the published prompts
};
absl::StatusOr<SharedPruning> ReadSharedPruning(const std::string& path);

// Prunes, and fails the current test unless circuit, decisions and their order are the same and scores are within
// kScoreTolerance.
void ExpectSamePruning(const Model& model, const PromptPairs& pairs, const PruningGolden& golden);

}  // namespace circuitd
