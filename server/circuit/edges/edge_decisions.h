// The decisions of one run: numbers them, takes those that an earlier run made, and reports the others.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/circuit/edges/edge_decision.h"

namespace circuitd {

class EdgeDecisions {
 public:
  // Of `candidates` edges, which are all kept so far. The arguments have to outlive this.
  EdgeDecisions(int64_t candidates, const EdgeCallbacks& callbacks, absl::Span<const EdgeDecision> made)
      : candidates_(candidates), edges_kept_(candidates), callbacks_(callbacks), made_(made) {}

  int64_t count() const { return count_; }
  bool NextIsMade() const { return count_ < static_cast<int64_t>(made_.size()); }

  // The next decision, which is made. DATA_LOSS, naming it, if it is not about `edge`, or has a value that isn't
  // finite.
  absl::StatusOr<EdgeDecision> Made(const Edge& edge) const;

  // The next decision. DATA_LOSS if it is made and was another.
  absl::Status Add(const Edge& edge, double metric, double criterion, bool removed);

  // DATA_LOSS if an earlier run made more decisions than there are.
  absl::Status Finish() const;

 private:
  const int64_t candidates_;
  int64_t count_ = 0;
  int64_t edges_kept_;
  const EdgeCallbacks& callbacks_;
  const absl::Span<const EdgeDecision> made_;
};

}  // namespace circuitd
