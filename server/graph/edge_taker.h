// Takes the edges that a circuit file lists, and their scores.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "server/graph/circuit.h"
#include "server/graph/circuit_entries.h"
#include "server/graph/edge_set.h"

namespace circuitd {

// Puts entries into a circuit of the model, which has edges; each may come once. The arguments have to outlive it.
class EdgeTaker {
 public:
  EdgeTaker(const ModelConfig& config, Circuit* circuit)
      : config_(config), seen_(config), scores_(config), circuit_(*circuit) {}

  // INVALID_ARGUMENT if the edge is none of the model's, or comes a second time.
  absl::Status Take(const CircuitEntries::EdgeEntry& entry);

  // Whether all edges of the model came.
  bool TookAll() const;
  // Whether each score is 1 of an edge in the circuit and 0 of another: what files have whose edges were not scored.
  bool ScoresRepeatMembership() const { return repeats_; }
  // 0 of edges that did not come; nullopt if one came without a score.
  std::optional<EdgeScores> scores() const { return unscored_ ? std::nullopt : std::optional(scores_); }

 private:
  const ModelConfig& config_;
  EdgeSet seen_;
  EdgeScores scores_;
  Circuit& circuit_;
  bool unscored_ = false, repeats_ = true;
};

}  // namespace circuitd
