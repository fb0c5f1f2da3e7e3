#include "server/circuit/attribution/edge_attribution.h"

#include <cmath>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/circuit/attribution/attribution_methods.h"
#include "server/circuit/edges/ablation_name.h"
#include "server/graph/edge_order.h"
#include "server/model/metric_name.h"

namespace circuitd {
namespace {

constexpr int kMaxSteps = 1000;

bool IntegratesGradients(AttributionMethod method) {
  return method == AttributionMethod::kEapIgInputs || method == AttributionMethod::kEapIgActivations;
}

bool HasGradient(Metric metric) { return metric != Metric::kRank && metric != Metric::kAccuracy; }

absl::StatusOr<EdgeScores> Scores(const Model& model, const PromptPairs& pairs, const AttributionOptions& options,
                                  const AttributionCallbacks& callbacks, absl::Span<const AttributionStep> made) {
  if (options.method == AttributionMethod::kRandom) return RandomScores(model.config(), options.seed);
  if (options.method != AttributionMethod::kExact) return GradientEffects(model, pairs, options, callbacks, made);
  ASSIGN_OR_RETURN(const std::unique_ptr<EdgeScorer> scorer,
                   NewEdgeScorer(model, pairs, options.runs, callbacks.checkpoint));
  return ExactEffects(*scorer, model.config(), options.runs.metric, callbacks, made);
}

absl::Status CheckFinite(const EdgeScores& scores) {
  const ModelConfig& config = scores.config();
  for (int receiver = 0; receiver < ReceiverCount(config); ++receiver) {
    for (int sender = 0; sender < SenderCount(config); ++sender) {
      if (std::isfinite(scores.At(receiver, sender))) continue;
      const Edge edge{SenderOfRank(config, sender), ReceiverOfRank(config, receiver)};
      return absl::FailedPreconditionError(
          absl::StrCat("the score of ", EdgeName(edge), " is ", scores.At(receiver, sender)));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateAttribution(const AttributionOptions& options) {
  if (IntegratesGradients(options.method) && (options.steps < 1 || options.steps > kMaxSteps)) {
    return InvalidField("steps", absl::StrCat(options.steps, ", must be 1-", kMaxSteps));
  }
  const bool differentiates =
      options.method != AttributionMethod::kExact && options.method != AttributionMethod::kRandom;
  if (differentiates && !HasGradient(options.runs.metric)) {
    return InvalidField("metric",
                        absl::StrCat(MetricName(options.runs.metric),
                                     ", which has no gradient, must be logit_diff, prob_diff, kl_div or nll"));
  }
  if (options.method == AttributionMethod::kEap && options.runs.metric == Metric::kKlDiv) {
    return InvalidField("metric",
                        "kl_div, whose gradient in the clean run is 0, must be logit_diff, prob_diff or nll; with "
                        "integrated gradients or exact effects it can be taken");
  }
  if (options.method == AttributionMethod::kEapIgInputs && options.runs.ablation != EdgeAblation::kResample) {
    return InvalidField("ablation", absl::StrCat(AblationName(options.runs.ablation),
                                                 ", must be resample: integrated gradients over inputs go to the "
                                                 "corrupted prompts"));
  }
  return absl::OkStatus();
}

absl::StatusOr<EdgeScores> AttributeEdges(const Model& model, const PromptPairs& pairs,
                                          const AttributionOptions& options, const AttributionCallbacks& callbacks,
                                          absl::Span<const AttributionStep> made) {
  ASSIGN_OR_RETURN(EdgeScores scores, Scores(model, pairs, options, callbacks, made));
  RETURN_IF_ERROR(CheckFinite(scores));
  return scores;
}

AttributionCost EstimateAttribution(const Model& model, const PromptPairs& pairs, const AttributionOptions& options) {
  // Nothing is run for it, and yet it is something to do.
  if (options.method == AttributionMethod::kRandom) return {.steps = 1};
  return options.method == AttributionMethod::kExact ? EstimateExactEffects(model, pairs, options)
                                                     : EstimateGradientEffects(model, pairs, options);
}

}  // namespace circuitd
