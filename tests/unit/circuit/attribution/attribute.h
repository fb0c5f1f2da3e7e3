// Attribution with fewer words, for tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "server/circuit/attribution/edge_attribution.h"
#include "server/graph/edge_order.h"

namespace circuitd::testing {

inline constexpr AttributionMethod kGradientMethods[] = {AttributionMethod::kEap, AttributionMethod::kEapIgInputs,
                                                         AttributionMethod::kEapIgActivations};
inline constexpr Metric kLosses[] = {Metric::kLogitDiff, Metric::kProbDiff, Metric::kKlDiv, Metric::kNll};

// Of 3 steps, for methods that have some.
inline AttributionOptions Options(AttributionMethod method, Metric metric = Metric::kLogitDiff,
                                  EdgeAblation ablation = EdgeAblation::kResample) {
  AttributionOptions options;
  options.method = method;
  options.steps = 3;
  options.runs.metric = metric;
  options.runs.ablation = ablation;
  return options;
}

// AttributeEdges, where it has to go well.
inline EdgeScores Attribute(const Model& model, const PromptPairs& pairs, const AttributionOptions& options,
                            const AttributionCallbacks& callbacks = {}, absl::Span<const AttributionStep> made = {}) {
  const absl::Status valid = ValidateAttribution(options);
  EXPECT_TRUE(valid.ok()) << valid;
  const auto scores = AttributeEdges(model, pairs, options, callbacks, made);
  EXPECT_TRUE(scores.ok()) << scores.status();
  return scores.ok() ? *scores : EdgeScores(model.config());
}

// Without signs.
inline double Largest(const EdgeScores& scores) {
  double largest = 0;
  for (const double score : scores.values()) largest = std::max(largest, std::abs(score));
  return largest;
}

inline void ExpectSame(const EdgeScores& actual, const EdgeScores& expected, double tolerance) {
  const ModelConfig& config = actual.config();
  for (int receiver = 0; receiver < ReceiverCount(config); ++receiver) {
    for (int sender = 0; sender < SenderCount(config); ++sender) {
      ASSERT_NEAR(actual.At(receiver, sender), expected.At(receiver, sender), tolerance)
          << NodeName(SenderOfRank(config, sender)) << "->" << NodeName(ReceiverOfRank(config, receiver));
    }
  }
}

}  // namespace circuitd::testing
