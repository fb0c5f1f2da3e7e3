#include "server/service/edge_job.h"

#include <utility>

#include "base/status.h"
#include "circuitd/v1/edges.pb.h"
#include "nlohmann/json.hpp"
#include "server/circuit/edges/edge_decisions_jsonl.h"
#include "server/service/circuit_files.h"
#include "server/service/convert_edges.h"
#include "server/service/enum_text.h"

namespace circuitd {
namespace {

std::string ResultsJson(const v1::EdgeCircuitResult& result) {
  using Json = nlohmann::ordered_json;
  const Json results = {{"metric", EnumText(result.metric())},
                        {"circuit_metric", result.circuit_metric()},
                        {"model_metric", result.model_metric()},
                        {"empty_metric", result.empty_metric()},
                        {"faithfulness", result.has_faithfulness() ? Json(result.faithfulness()) : Json(nullptr)},
                        {"decision_count", result.decision_count()}};
  return results.dump();
}

}  // namespace

absl::StatusOr<EdgeDecisionLog> EdgeDecisionLog::Of(const PlanRun& run) {
  EdgeDecisionLog decisions;
  for (const std::string& payload : run.past_events()) {
    v1::EdgeDecision proto;
    if (!proto.ParseFromString(payload)) return absl::DataLossError("a stored decision is damaged");
    ASSIGN_OR_RETURN(EdgeDecision decision, FromProto(proto));
    decisions.decisions_.push_back(std::move(decision));
  }
  return decisions;
}

EdgeCallbacks EdgeDecisionLog::Callbacks(PlanRun& run) {
  return {run.checkpoint(), [this, &run](const EdgeDecision& decision) {
            decisions_.push_back(decision);
            run.EmitDecision(ToProto(decision), {static_cast<int64_t>(decisions_.size()), decision.candidates_left});
          }};
}

JobCost CostOfEdges(const EdgeRunCost& run, int64_t edges) {
  // A run goes on from the receiver whose edge goes: on average from the middle of the model.
  constexpr double kPartRun = 0.5;
  return {.steps_per_iteration = edges,
          .micro_batch_prompts = run.micro_batch_prompts,
          .memory_bytes = run.memory_bytes,
          .flops_per_iteration = static_cast<double>(edges) * run.flops * kPartRun};
}

PlanOutcome EdgeOutcome(const JobPlan& plan, const FoundEdges& found, const std::vector<EdgeDecision>& decisions) {
  const v1::EdgeCircuitResult result = ToProto(found.result, found.metric);
  CircuitDocument document = NewDocument(plan);
  document.parameters_json = found.parameters_json;
  document.results_json = ResultsJson(result);
  document.circuit = {found.result.nodes, found.result.edges};
  document.scores = found.scores;
  PlanOutcome outcome = CircuitOutcome(result.SerializeAsString(), document);
  if (!decisions.empty()) {
    outcome.files.push_back({"decisions.jsonl", "application/jsonl", EdgeDecisionsJsonl(decisions)});
  }
  return outcome;
}

}  // namespace circuitd
