// What jobs that find circuits of edges share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "circuitd/v1/metric.pb.h"
#include "server/circuit/edges/edge_decision.h"
#include "server/circuit/edges/edge_scorer.h"
#include "server/graph/edge_set.h"
#include "server/service/job_plan.h"
#include "server/service/plan_run.h"

namespace circuitd {

// The decisions of a job, its earlier runs' and this one's. Events are EdgeDecisions.
class EdgeDecisionLog {
 public:
  // Takes up what earlier runs have decided. Errors if that is damaged.
  static absl::StatusOr<EdgeDecisionLog> Of(const PlanRun& run);

  const std::vector<EdgeDecision>& all() const { return decisions_; }
  // Which add to these decisions; valid as long as they and `run` are where they are.
  EdgeCallbacks Callbacks(PlanRun& run);

 private:
  std::vector<EdgeDecision> decisions_;
};

// Of a job that takes edges out one by one, a run for each of so many, of a model run as `run` says.
JobCost CostOfEdges(const EdgeRunCost& run, int64_t edges);

// A circuit that was found, and how.
struct FoundEdges {
  EdgeCircuitResult result;
  std::optional<EdgeScores> scores;  // of all edges
  v1::Metric metric = v1::METRIC_LOGIT_DIFF;
  std::string parameters_json;
};

// An EdgeCircuitResult with its files; decisions.jsonl is among them if there are any decisions.
PlanOutcome EdgeOutcome(const JobPlan& plan, const FoundEdges& found, const std::vector<EdgeDecision>& decisions);

}  // namespace circuitd
