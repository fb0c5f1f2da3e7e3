#include "server/circuit/edges/edge_decisions.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace circuitd {
namespace {

template <typename... What>
absl::Status Lost(int64_t index, const What&... what) {
  return absl::DataLossError(absl::StrCat("decision ", index, " of an earlier run ", what...));
}

}  // namespace

absl::StatusOr<EdgeDecision> EdgeDecisions::Made(const Edge& edge) const {
  const EdgeDecision& made = made_[count_];
  if (made.index != count_) return Lost(count_, "has the index ", made.index);
  if (made.edge != edge) return Lost(count_, "is of ", EdgeName(made.edge), ", this run's is of ", EdgeName(edge));
  if (!std::isfinite(made.metric)) return Lost(count_, "has the metric ", made.metric);
  if (!std::isfinite(made.criterion)) return Lost(count_, "has the criterion ", made.criterion);
  return made;
}

absl::Status EdgeDecisions::Add(const Edge& edge, double metric, double criterion, bool removed) {
  const bool is_made = NextIsMade();
  if (is_made && made_[count_].removed != removed) {
    return Lost(count_, "of ", EdgeName(edge), ", has the criterion ", criterion, " and ", removed ? "kept" : "removed",
                " the edge");
  }
  if (removed) --edges_kept_;
  if (is_made && made_[count_].edges_kept != edges_kept_) {
    return Lost(count_, "of ", EdgeName(edge), ", left ", made_[count_].edges_kept, " edges, this run's ", edges_kept_);
  }
  const EdgeDecision decision{count_, edge, metric, criterion, removed, edges_kept_, candidates_ - count_ - 1};
  ++count_;
  if (!is_made && callbacks_.on_decision) callbacks_.on_decision(decision);
  return absl::OkStatus();
}

absl::Status EdgeDecisions::Finish() const {
  if (!NextIsMade()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("an earlier run made ", made_.size(), " decisions, this one ends after ", count_));
}

}  // namespace circuitd
