// Exact effects of edges: the same as ablating each edge in a run of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "server/circuit/attribution/edge_attribution.h"
#include "server/circuit/edges/edge_scorer.h"
#include "server/graph/edge_order.h"
#include "tests/unit/patching/pair_prompts.h"
#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;
using testing::MixedPairs;
using testing::TinyModel;

constexpr int kReceivers = 3 * 13 + 1;

AttributionOptions Exact(Metric metric = Metric::kLogitDiff, EdgeAblation ablation = EdgeAblation::kResample) {
  AttributionOptions options;
  options.method = AttributionMethod::kExact;
  options.runs.metric = metric;
  options.runs.ablation = ablation;
  return options;
}

// MixedPairs whose correct token is the one that the model predicts, so that accuracy can fall.
PromptPairs PredictedPairs(const Model& model) {
  PromptPairs pairs = MixedPairs();
  const Checkpoint none;
  EdgeScorerOptions options;
  options.metric = Metric::kRank;
  for (PromptPair& pair : pairs) {
    for (int token = 0; token < model.config().d_vocab; ++token) {
      pair.correct = {token};
      const PromptPairs alone = {pair};
      const auto scorer = NewPlainEdgeScorer(model, alone, options, none);
      EXPECT_TRUE(scorer.ok()) << scorer.status();
      if ((*scorer)->model_metric() == 0) break;
    }
  }
  return pairs;
}

TEST(ExactEffectsTest, AreWhatAblatingEachEdgeAddsToTheLoss) {
  const auto model = TinyModel(6);
  const ModelConfig& config = model->config();
  const PromptPairs pairs = PredictedPairs(*model);
  const std::vector<std::pair<Metric, double>> metrics = {{Metric::kLogitDiff, -1}, {Metric::kProbDiff, -1},
                                                          {Metric::kAccuracy, -1},  {Metric::kKlDiv, 1},
                                                          {Metric::kNll, 1},        {Metric::kRank, 1}};
  for (const EdgeAblation ablation : {EdgeAblation::kResample, EdgeAblation::kMean}) {
    for (const auto& [metric, sign] : metrics) {
      const AttributionOptions options = Exact(metric, ablation);
      const auto scores = AttributeEdges(*model, pairs, options, {});
      ASSERT_TRUE(scores.ok()) << scores.status();
      const Checkpoint none;
      const auto scorer = NewPlainEdgeScorer(*model, pairs, options.runs, none);
      ASSERT_TRUE(scorer.ok()) << scorer.status();
      double largest = 0;
      for (const Edge& edge : EdgeSet::All(config).Edges()) {
        EdgeSet edges = EdgeSet::All(config);
        edges.Set(edge, false);
        const auto without = (*scorer)->Score(edges);
        ASSERT_TRUE(without.ok()) << without.status();
        const double expected = sign * (*without - (*scorer)->model_metric());
        const double score = scores->At(ReceiverRank(config, edge.receiver), SenderRank(config, edge.sender));
        ASSERT_NEAR(score, expected, 1e-5) << EdgeName(edge) << " " << static_cast<int>(metric);
        largest = std::max(largest, std::abs(expected));
      }
      EXPECT_GT(largest, 1e-3) << static_cast<int>(metric);
    }
  }
}

TEST(ExactEffectsTest, GoOnAfterEveryReceiver) {
  const auto model = TinyModel(6);
  std::vector<AttributionStep> steps;
  AttributionCallbacks callbacks;
  callbacks.on_step = [&](const AttributionStep& step) { steps.push_back(step); };
  const auto whole = AttributeEdges(*model, MixedPairs(), Exact(), callbacks);
  ASSERT_TRUE(whole.ok()) << whole.status();
  ASSERT_EQ(steps.size(), size_t{kReceivers});
  EXPECT_EQ(EstimateAttribution(*model, MixedPairs(), Exact()).steps, kReceivers);
  for (size_t made = 0; made <= steps.size(); ++made) {
    size_t next = made;
    callbacks.on_step = [&](const AttributionStep& step) {
      EXPECT_EQ(step.receivers_done, static_cast<int64_t>(++next));
      EXPECT_EQ(step.steps_left, kReceivers - step.receivers_done);
    };
    const auto continued =
        AttributeEdges(*model, MixedPairs(), Exact(), callbacks, absl::MakeConstSpan(steps).first(made));
    ASSERT_TRUE(continued.ok()) << continued.status();
    for (size_t i = 0; i < whole->values().size(); ++i) {
      ASSERT_NEAR(continued->values()[i], whole->values()[i], 1e-6) << made;
    }
    EXPECT_EQ(next, steps.size());
  }
}

TEST(ExactEffectsTest, RefuseStepsOfAnotherRun) {
  const auto model = TinyModel(6);
  const auto refusal = [&](const std::vector<AttributionStep>& made) {
    const absl::Status status = AttributeEdges(*model, MixedPairs(), Exact(), {}, made).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    return std::string(status.message());
  };
  const AttributionStep good{0, 1, std::vector<double>(16), kReceivers - 1};
  EXPECT_THAT(refusal({good, good}), HasSubstr("step 1 of an earlier run has 16 scores after 1 receivers"));
  AttributionStep shorter = good;
  shorter.sums.pop_back();
  EXPECT_THAT(refusal({shorter}), HasSubstr("step 0 of an earlier run has 15 scores"));
  EXPECT_THAT(refusal(std::vector<AttributionStep>(kReceivers + 1, good)), HasSubstr("made 41 steps"));
}

}  // namespace
}  // namespace circuitd
