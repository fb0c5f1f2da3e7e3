#include "server/service/job_planning.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "server/model/registry.h"
#include "server/service/circuit_sources.h"
#include "server/service/dataset_store.h"
#include "server/service/job_kinds.h"
#include "server/service/job_report.h"
#include "server/service/job_spec_parts.h"
#include "server/service/model_error.h"
#include "server/service/plan_run.h"
#include "server/service/prompt_sources.h"
#include "server/service/prompts_json.h"
#include "server/service/server_options.h"

namespace circuitd {
namespace {

absl::StatusOr<JobPrompts> MakePrompts(const ServerParts& parts, const SpecPart<v1::PromptSource>& source,
                                       const Model& model, PairNeeds needs) {
  absl::StatusOr<PromptPairs> pairs = MakePromptPairs(parts.datasets, *source.part, model, needs, {});
  if (!pairs.ok()) {
    // It speaks of "prompts", whoever they are of.
    absl::string_view owner = source.field;
    return absl::ConsumeSuffix(&owner, ".prompts") ? WithFieldPrefix(owner, pairs.status()) : pairs.status();
  }
  std::string json = PromptsJson(*source.part, pairs->size());
  return JobPrompts{*std::move(pairs), std::move(json)};
}

absl::StatusOr<PlannedJob> Plan(const ServerParts& parts, const JobKind& kind, v1::JobSpec spec) {
  kind.fill_defaults(spec);
  absl::StatusOr<std::shared_ptr<const Model>> model = parts.models.Load(ModelNameOf(spec), LoadOptions{});
  if (!model.ok()) return ModelError("model", model.status());
  JobMaterial material;
  material.model = *std::move(model);
  ASSIGN_OR_RETURN(material.model_sha256, material.model->Sha256());
  material.memory_budget_bytes = parts.options.memory_budget_bytes;
  SetModelName(material.model->name(), spec);
  const PairNeeds needs = kind.needs(spec);
  for (const SpecPart<v1::PromptSource>& source : MutablePromptsOf(spec)) {
    ASSIGN_OR_RETURN(JobPrompts prompts, MakePrompts(parts, source, *material.model, needs));
    material.prompts.push_back(std::move(prompts));
    source.part->Clear();
  }
  const auto circuits = MutableCircuitsOf(spec);
  for (size_t i = 0; i < circuits.size(); ++i) {
    const SpecPart<v1::CircuitSource>& source = circuits[i];
    ASSIGN_OR_RETURN(NamedCircuit circuit, ReadCircuit(parts, *source.part, source.field, material.model->config()));
    material.circuits.push_back(std::move(circuit.document));
    if (circuit.label.empty()) circuit.label = absl::StrCat("circuit ", i + 1);
    source.part->Clear();
    source.part->set_label(circuit.label);
  }
  material.spec = std::move(spec);
  ASSIGN_OR_RETURN(std::unique_ptr<JobPlan> plan, kind.make(std::move(material)));
  JobCost cost = plan->Cost();
  cost.memory_bytes = std::max(cost.memory_bytes, ReportBytes(*plan));
  if (cost.micro_batch_prompts > 0) plan->set_micro_batch_prompts(cost.micro_batch_prompts);
  return PlannedJob{std::move(plan), cost};
}

absl::StatusOr<JobOutcome> RunPlan(const JobPlan& plan, PlanRun& run) {
  RETURN_IF_ERROR(run.Begin());
  ASSIGN_OR_RETURN(PlanOutcome found, plan.Run(run));
  return WithReport(plan, std::move(found), run);
}

}  // namespace

absl::StatusOr<PlannedJob> PlanJob(const ServerParts& parts, const v1::JobSpec& spec) {
  absl::StatusOr<PlannedJob> planned = Plan(parts, *KindOf(spec), spec);
  if (!planned.ok()) return WithFieldPrefix(KindName(spec), planned.status());
  return planned;
}

JobBody MakeJobBody(const ServerParts& parts, std::shared_ptr<const JobPlan> plan) {
  return [&parts, plan = std::move(plan)](JobContext& context) -> absl::StatusOr<JobOutcome> {
    PlanRun run(parts.metrics, context);
    absl::StatusOr<JobOutcome> outcome = RunPlan(*plan, run);
    run.CountWork();
    return outcome;
  };
}

}  // namespace circuitd
