// What edge_attribution.h is made of beside the methods with gradients (attribution_batch.h).
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/circuit/attribution/edge_attribution.h"

namespace circuitd {

// Errors and `made` as AttributeEdges; whether scores are finite is not looked at.
absl::StatusOr<EdgeScores> GradientEffects(const Model& model, const PromptPairs& pairs,
                                           const AttributionOptions& options, const AttributionCallbacks& callbacks,
                                           absl::Span<const AttributionStep> made);
// How many pairs it runs side by side.
int64_t GradientMicroBatchPrompts(const Model& model, const PromptPairs& pairs, const AttributionOptions& options);
AttributionCost EstimateGradientEffects(const Model& model, const PromptPairs& pairs,
                                        const AttributionOptions& options);

// kExact through any engine that measures `metric`; what the edge-masked run with all edges has is its clean run's.
absl::StatusOr<EdgeScores> ExactEffects(EdgeScorer& scorer, const ModelConfig& config, Metric metric,
                                        const AttributionCallbacks& callbacks, absl::Span<const AttributionStep> made);
AttributionCost EstimateExactEffects(const Model& model, const PromptPairs& pairs, const AttributionOptions& options);

// kRandom.
EdgeScores RandomScores(const ModelConfig& config, uint64_t seed);

}  // namespace circuitd
