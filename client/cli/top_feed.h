// Brings what is heard of a server into what `circuit top` shows.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/step_rate.h"
#include "client/cli/top_state.h"

namespace circuitd::client {

// Not thread-safe.
class TopFeed {
 public:
  // A server that says nothing for longer than `patience` is said not to answer.
  TopFeed(TopSnapshot first, absl::Duration patience, absl::Time now, TopState& state);

  // `heard`: the newest answer or error, if there is one. While the state is paused, nothing that is shown changes; the
  // newest answer is kept for later.
  void Update(std::optional<absl::StatusOr<TopSnapshot>> heard, absl::Time now);
  // This process itself did not listen for a time.
  void ForgetSilence(absl::Time now) { heard_ = now; }

 private:
  void MeasureRates(const TopSnapshot& snapshot);

  TopState& state_;
  const absl::Duration patience_;
  absl::Time heard_;
  // What was heard since the last one shown, and when there was an answer last.
  std::optional<TopSnapshot> newest_;
  absl::Time newest_taken_;
  absl::Status trouble_;
  std::map<std::string, StepRate> rates_;  // by job
};

}  // namespace circuitd::client
