#include "server/service/acdc_job.h"

#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "circuitd/v1/edges.pb.h"
#include "nlohmann/json.hpp"
#include "server/circuit/edges/acdc.h"
#include "server/graph/edge_order.h"
#include "server/service/convert.h"
#include "server/service/convert_edges.h"
#include "server/service/edge_job.h"
#include "server/service/enum_text.h"
#include "server/service/source_prompts.h"

namespace circuitd {
namespace {

// The order of AcdcOrder, for those who replay it.
constexpr char kTraversal[] =
    "receivers from logits to embed, in each layer the MLP, then the heads from the last to the first with v, k, q of "
    "each; of each receiver its senders from the nearest to embed";

absl::StatusOr<EdgeScorerOptions> RunsOf(const v1::AcdcSpec& spec) {
  EdgeScorerOptions runs;
  ASSIGN_OR_RETURN(const std::optional<Metric> metric, FromProto(spec.metric(), "metric"));
  runs.metric = metric.value_or(Metric::kKlDiv);
  ASSIGN_OR_RETURN(runs.ablation, EdgeAblationOf(spec.ablation(), "ablation"));
  return runs;
}

class AcdcPlan final : public JobPlan {
 public:
  AcdcPlan(JobMaterial material, EdgeScorerOptions runs) : JobPlan(std::move(material)), runs_(std::move(runs)) {}

  JobCost Cost() const override {
    return CostOfEdges(EstimateEdgeRun(model(), pairs(), Options().runs), EdgeCount(model().config()));
  }

  absl::StatusOr<PlanOutcome> Run(PlanRun& run) const override {
    ASSIGN_OR_RETURN(EdgeDecisionLog decisions, EdgeDecisionLog::Of(run));
    ASSIGN_OR_RETURN(EdgeCircuitResult result, RunAcdc(model(), pairs(), Options(), decisions.Callbacks(run),
                                                       /*made=*/std::vector(decisions.all())));
    return EdgeOutcome(*this, {std::move(result), std::nullopt, spec().metric(), ParametersJson()}, decisions.all());
  }

 private:
  const v1::AcdcSpec& spec() const { return material().spec.acdc(); }
  const PromptPairs& pairs() const { return material().prompts.front().pairs; }

  AcdcOptions Options() const {
    AcdcOptions options{spec().threshold(), runs_};
    options.runs.memory_budget_bytes = material().memory_budget_bytes;
    options.runs.micro_batch_prompts = material().micro_batch_prompts;
    return options;
  }

  std::string ParametersJson() const {
    const nlohmann::ordered_json parameters = {{"method", "acdc"},
                                               {"metric", EnumText(spec().metric())},
                                               {"threshold", spec().threshold()},
                                               {"ablation", EnumText(spec().ablation())},
                                               {"traversal", kTraversal},
                                               {"prompt_count", pairs().size()},
                                               {"memory_budget_bytes", material().memory_budget_bytes}};
    return parameters.dump();
  }

  const EdgeScorerOptions runs_;
};

absl::Status Validate(const v1::JobSpec& job) {
  const v1::AcdcSpec& spec = job.acdc();
  if (!std::isfinite(spec.threshold())) {
    return InvalidField("threshold", absl::StrCat(spec.threshold(), ", must be finite"));
  }
  return RunsOf(spec).status();
}

void FillDefaults(v1::JobSpec& job) {
  v1::AcdcSpec& spec = *job.mutable_acdc();
  if (spec.metric() == v1::METRIC_UNSPECIFIED) spec.set_metric(v1::METRIC_KL_DIV);
  if (spec.ablation() == v1::ABLATION_UNSPECIFIED) spec.set_ablation(v1::ABLATION_RESAMPLE);
}

PairNeeds Needs(const v1::JobSpec& job) {
  const absl::StatusOr<EdgeScorerOptions> runs = RunsOf(job.acdc());
  return runs.ok() ? NeedsOf(runs->metric) : PairNeeds{};
}

absl::StatusOr<std::unique_ptr<JobPlan>> Make(JobMaterial material) {
  ASSIGN_OR_RETURN(EdgeScorerOptions runs, RunsOf(material.spec.acdc()));
  return std::make_unique<AcdcPlan>(std::move(material), std::move(runs));
}

}  // namespace

const JobKind& AcdcKind() {
  static constexpr JobKind kKind{Validate, FillDefaults, Needs, Make};
  return kKind;
}

}  // namespace circuitd
