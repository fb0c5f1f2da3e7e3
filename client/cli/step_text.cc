#include "client/cli/step_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/escape_text.h"
#include "client/cli/node_text.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

std::string CircuitLabel(const v1::EvaluationSpec& spec, uint32_t index) {
  if (index < static_cast<uint32_t>(spec.circuits_size())) {
    const v1::CircuitSource& circuit = spec.circuits(static_cast<int>(index));
    if (!circuit.label().empty()) return circuit.label();
    if (circuit.has_job()) return circuit.job();
  }
  return absl::StrCat("circuit ", index + 1);
}

std::string TaskLabel(const v1::EvaluationSpec& spec, uint32_t index) {
  if (index < static_cast<uint32_t>(spec.tasks_size())) {
    const v1::EvaluationTask& task = spec.tasks(static_cast<int>(index));
    if (!task.label().empty()) return task.label();
    if (!task.prompts().task().task().empty()) return task.prompts().task().task();
  }
  return absl::StrCat("task ", index + 1);
}

}  // namespace

std::string DecisionText(const v1::PruningDecision& decision) {
  return absl::StrFormat("%s %.2f%% %s", NodeName(decision.node()), decision.score(),
                         decision.removed() ? "removed" : "kept");
}

std::string DecisionText(const v1::EdgeDecision& decision) {
  return absl::StrFormat("%s %.4f %s", EdgeName(decision.edge()), decision.criterion(),
                         decision.removed() ? "leaves" : "stays");
}

std::string StepText(const v1::AttributionStep& step) {
  if (step.has_receiver()) return absl::StrCat("receiver ", NodeName(step.receiver()));
  return CountOf(step.pairs_done(), "pair");
}

std::string StepText(const v1::EvaluationStep& step, const v1::EvaluationSpec& spec) {
  return EscapeText(absl::StrFormat("%s on %s: %s, %.4f", CircuitLabel(spec, step.circuit()),
                                    TaskLabel(spec, step.task()), step.run(), step.metric()));
}

std::string StepText(const v1::JobEvent& event, const v1::JobSpec& spec) {
  if (event.has_step()) {
    switch (event.step().kind_case()) {
      case v1::StepEvent::kAttribution:
        return StepText(event.step().attribution());
      case v1::StepEvent::kEvaluation:
        return StepText(event.step().evaluation(), spec.evaluation());
      case v1::StepEvent::KIND_NOT_SET:
        return "";
    }
  }
  if (!event.has_decision()) return "";
  if (event.decision().has_edge_decision()) return DecisionText(event.decision().edge_decision());
  return DecisionText(event.decision().decision());
}

std::string KeptText(const v1::JobEvent& event) {
  if (!event.has_decision()) return "";
  if (event.decision().has_edge_decision()) {
    return CountOf(event.decision().edge_decision().edges_kept(), "edge");
  }
  const v1::PruningDecision& decision = event.decision().decision();
  return absl::StrCat(CountOf(decision.heads_kept(), "head"), " ", CountOf(decision.mlps_kept(), "MLP"));
}

}  // namespace circuitd::client
