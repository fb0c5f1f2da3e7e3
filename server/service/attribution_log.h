// An attribution's steps as events, from which it can go on.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "server/circuit/attribution/edge_attribution.h"
#include "server/service/plan_run.h"

namespace circuitd {

// Sums of a large model's edges take many bytes, which are stored with each event. Steps that come fast are therefore
// joined: what a restart makes one do again is seconds, and what is stored grows by no more than kBytesPerSecond. The
// first step of a run is not held back, so that its first event comes when the job is prepared and not later.
class AttributionLog {
 public:
  static constexpr double kBytesPerSecond = 100e3;

  // Of an attribution by receivers (kExact), whose steps are small and stay apart; or else by pairs, so many at a time.
  AttributionLog(const ModelConfig& config, bool by_receivers, int64_t pairs_per_step)
      : config_(config), by_receivers_(by_receivers), pairs_per_step_(pairs_per_step) {}

  // Steps of earlier runs. Errors if they are damaged.
  absl::StatusOr<std::vector<AttributionStep>> Past(const PlanRun& run) const;

  void Add(const AttributionStep& step, PlanRun& run);

 private:
  using Clock = std::chrono::steady_clock;

  bool IsDue() const;
  void Emit(PlanRun& run);

  const ModelConfig config_;
  const bool by_receivers_;
  const int64_t pairs_per_step_;
  std::optional<AttributionStep> pending_;
  std::optional<Clock::time_point> emitted_;  // the last event
};

}  // namespace circuitd
