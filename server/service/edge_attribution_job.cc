#include "server/service/edge_attribution_job.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "circuitd/v1/edges.pb.h"
#include "nlohmann/json.hpp"
#include "server/circuit/attribution/edge_attribution.h"
#include "server/circuit/edges/edge_scorer.h"
#include "server/graph/edge_selection.h"
#include "server/service/attribution_log.h"
#include "server/service/convert.h"
#include "server/service/convert_edges.h"
#include "server/service/edge_job.h"
#include "server/service/enum_text.h"
#include "server/service/source_prompts.h"

namespace circuitd {
namespace {

constexpr uint32_t kMostSteps = 1000;

bool IsIntegrated(v1::AttributionMethod method) {
  return method == v1::ATTRIBUTION_METHOD_EAP_IG_INPUTS || method == v1::ATTRIBUTION_METHOD_EAP_IG_ACTIVATIONS;
}

// Without what the server decides.
absl::StatusOr<AttributionOptions> OptionsOf(const v1::EdgeAttributionSpec& spec) {
  AttributionOptions options;
  ASSIGN_OR_RETURN(options.method, FromProto(spec.method(), "method"));
  ASSIGN_OR_RETURN(const std::optional<Metric> metric, FromProto(spec.metric(), "metric"));
  options.runs.metric = metric.value_or(Metric::kLogitDiff);
  ASSIGN_OR_RETURN(options.runs.ablation, EdgeAblationOf(spec.ablation(), "ablation"));
  if (spec.has_steps()) options.steps = static_cast<int>(spec.steps());
  options.seed = spec.seed();
  return options;
}

class EdgeAttributionPlan final : public JobPlan {
 public:
  EdgeAttributionPlan(JobMaterial material, AttributionOptions options)
      : JobPlan(std::move(material)), options_(std::move(options)) {}

  JobCost Cost() const override {
    const AttributionCost cost = EstimateAttribution(model(), pairs(), Options());
    // Afterwards the circuit, the empty one and the model are run.
    constexpr int kLastRuns = 3;
    const EdgeRunCost run = EstimateEdgeRun(model(), pairs(), RunOptions());
    return {.steps_per_iteration = cost.steps,
            .micro_batch_prompts = cost.micro_batch_prompts,
            .memory_bytes = std::max(cost.memory_bytes, run.memory_bytes),
            .flops_per_iteration = cost.flops + kLastRuns * run.flops};
  }

  absl::StatusOr<PlanOutcome> Run(PlanRun& run) const override {
    const AttributionOptions options = Options();
    AttributionLog log(model().config(), options.method == AttributionMethod::kExact,
                       options.runs.micro_batch_prompts.value_or(1));
    ASSIGN_OR_RETURN(const std::vector<AttributionStep> made, log.Past(run));
    const AttributionCallbacks callbacks{run.checkpoint(), [&](const AttributionStep& step) { log.Add(step, run); }};
    ASSIGN_OR_RETURN(const EdgeScores scores, AttributeEdges(model(), pairs(), options, callbacks, made));
    ASSIGN_OR_RETURN(EdgeCircuitResult result, Judge(Select(scores), run.checkpoint()));
    return EdgeOutcome(*this, {std::move(result), scores, spec().metric(), ParametersJson()}, {});
  }

 private:
  const v1::EdgeAttributionSpec& spec() const { return material().spec.edge_attribution(); }
  const PromptPairs& pairs() const { return material().prompts.front().pairs; }

  AttributionOptions Options() const {
    AttributionOptions options = options_;
    options.runs.memory_budget_bytes = material().memory_budget_bytes;
    options.runs.micro_batch_prompts = material().micro_batch_prompts;
    return options;
  }

  // Of runs that take no gradients, for which more prompts fit in memory.
  EdgeScorerOptions RunOptions() const {
    EdgeScorerOptions runs = Options().runs;
    runs.micro_batch_prompts.reset();
    return runs;
  }

  EdgeSet Select(const EdgeScores& scores) const {
    EdgeSet edges = SelectEdges(scores, FromProto(spec().selection()));
    if (spec().selection().keep_dangling()) return edges;
    return WithoutDangling(std::move(edges), /*from_embed=*/options_.runs.ablation == EdgeAblation::kResample);
  }

  absl::StatusOr<EdgeCircuitResult> Judge(EdgeSet edges, const Checkpoint& checkpoint) const {
    ASSIGN_OR_RETURN(const std::unique_ptr<EdgeScorer> scorer,
                     NewEdgeScorer(model(), pairs(), RunOptions(), checkpoint));
    ASSIGN_OR_RETURN(const double empty, scorer->Score(EdgeSet(model().config())));
    ASSIGN_OR_RETURN(const double circuit, scorer->Score(edges));
    NodeSet nodes = edges.Nodes();
    return EdgeCircuitResult{std::move(nodes), std::move(edges),       /*decision_count=*/0,
                             circuit,          scorer->model_metric(), empty};
  }

  nlohmann::ordered_json SelectionJson() const {
    const v1::EdgeSelection& selection = spec().selection();
    nlohmann::ordered_json json;
    if (selection.has_threshold()) {
      json["threshold"] = selection.threshold();
    } else if (selection.has_greedy()) {
      json["greedy"] = selection.greedy();
    } else {
      json["top_k"] = selection.top_k();
    }
    json["signed_scores"] = selection.signed_scores();
    json["keep_dangling"] = selection.keep_dangling();
    return json;
  }

  std::string ParametersJson() const {
    nlohmann::ordered_json parameters = {{"method", EnumText(spec().method())},
                                         {"metric", EnumText(spec().metric())},
                                         {"ablation", EnumText(spec().ablation())}};
    if (spec().has_steps()) parameters["steps"] = spec().steps();
    if (options_.method == AttributionMethod::kRandom) parameters["seed"] = spec().seed();
    parameters["selection"] = SelectionJson();
    parameters["prompt_count"] = pairs().size();
    parameters["memory_budget_bytes"] = material().memory_budget_bytes;
    return parameters.dump();
  }

  const AttributionOptions options_;
};

absl::Status ValidateSelection(const v1::EdgeSelection& selection) {
  switch (selection.rule_case()) {
    case v1::EdgeSelection::kTopK:
      return selection.top_k() > 0 ? absl::OkStatus() : InvalidField("selection.top_k", "0, must be at least 1");
    case v1::EdgeSelection::kGreedy:
      return selection.greedy() > 0 ? absl::OkStatus() : InvalidField("selection.greedy", "0, must be at least 1");
    case v1::EdgeSelection::kThreshold:
      if (std::isfinite(selection.threshold())) return absl::OkStatus();
      return InvalidField("selection.threshold", absl::StrCat(selection.threshold(), ", must be finite"));
    case v1::EdgeSelection::RULE_NOT_SET:
      break;
  }
  return InvalidField("selection.rule", "one of top_k, threshold and greedy must be set");
}

absl::Status Validate(const v1::JobSpec& job) {
  const v1::EdgeAttributionSpec& spec = job.edge_attribution();
  // As uint32: a number of 2^31 or more must not wrap.
  if (spec.has_steps() && (spec.steps() < 1 || spec.steps() > kMostSteps)) {
    return InvalidField("steps", absl::StrCat(spec.steps(), ", must be 1-", kMostSteps));
  }
  ASSIGN_OR_RETURN(const AttributionOptions options, OptionsOf(spec));
  RETURN_IF_ERROR(ValidateAttribution(options));
  return ValidateSelection(spec.selection());
}

void FillDefaults(v1::JobSpec& job) {
  v1::EdgeAttributionSpec& spec = *job.mutable_edge_attribution();
  if (spec.method() == v1::ATTRIBUTION_METHOD_UNSPECIFIED) spec.set_method(v1::ATTRIBUTION_METHOD_EAP);
  if (spec.metric() == v1::METRIC_UNSPECIFIED) spec.set_metric(v1::METRIC_LOGIT_DIFF);
  if (spec.ablation() == v1::ABLATION_UNSPECIFIED) spec.set_ablation(v1::ABLATION_RESAMPLE);
  if (!IsIntegrated(spec.method())) {
    spec.clear_steps();
  } else if (!spec.has_steps()) {
    spec.set_steps(AttributionOptions().steps);
  }
  if (spec.method() != v1::ATTRIBUTION_METHOD_RANDOM) spec.clear_seed();
}

PairNeeds Needs(const v1::JobSpec& job) {
  const absl::StatusOr<AttributionOptions> options = OptionsOf(job.edge_attribution());
  return options.ok() ? NeedsOf(options->runs.metric) : PairNeeds{};
}

absl::StatusOr<std::unique_ptr<JobPlan>> Make(JobMaterial material) {
  ASSIGN_OR_RETURN(AttributionOptions options, OptionsOf(material.spec.edge_attribution()));
  return std::make_unique<EdgeAttributionPlan>(std::move(material), std::move(options));
}

}  // namespace

const JobKind& EdgeAttributionKind() {
  static constexpr JobKind kKind{Validate, FillDefaults, Needs, Make};
  return kKind;
}

}  // namespace circuitd
