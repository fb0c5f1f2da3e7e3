// Scores of edges: each method with gradients against its naive twin, and what all of them promise.
#include "server/circuit/attribution/edge_attribution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/graph/edge_order.h"
#include "tests/unit/circuit/attribution/attribute.h"
#include "tests/unit/circuit/attribution/naive_attribution.h"
#include "tests/unit/patching/pair_prompts.h"
#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

using testing::Attribute;
using testing::ExpectSame;
using testing::kGradientMethods;
using testing::kLosses;
using testing::Largest;
using testing::MixedPairs;
using testing::MixedPairsAndEqualOne;
using testing::NaiveAttribution;
using ::testing::Not;
using testing::Options;
using testing::TinyModel;
using testing::WideTinyModel;
using Method = AttributionMethod;

TEST(EdgeAttributionTest, EqualsTheNaiveOneWithEveryMethodLossAndAblation) {
  const auto model = WideTinyModel(5);
  for (const Method method : kGradientMethods) {
    for (const Metric metric : kLosses) {
      for (const EdgeAblation ablation : {EdgeAblation::kResample, EdgeAblation::kMean, EdgeAblation::kZero}) {
        const AttributionOptions options = Options(method, metric, ablation);
        if (!ValidateAttribution(options).ok()) continue;
        SCOPED_TRACE(::testing::Message() << static_cast<int>(method) << " " << static_cast<int>(metric) << " "
                                          << static_cast<int>(ablation));
        const EdgeScores expected = NaiveAttribution(*model, MixedPairsAndEqualOne(), options);
        ExpectSame(Attribute(*model, MixedPairsAndEqualOne(), options), expected, 1e-10);
        // In the clean run itself kl_div is at its minimum.
        if (method != Method::kEap || metric != Metric::kKlDiv) {
          EXPECT_GT(Largest(expected), 1e-4);
        }
      }
    }
  }
}

TEST(EdgeAttributionTest, EqualsTheNaiveOneInSinglePrecision) {
  const auto model = TinyModel(6), wide = WideTinyModel(6);
  for (const Method method : kGradientMethods) {
    const EdgeScores expected = NaiveAttribution(*wide, MixedPairs(), Options(method));
    ExpectSame(Attribute(*model, MixedPairs(), Options(method)), expected, 1e-5 * Largest(expected));
  }
}

TEST(EdgeAttributionTest, ComesNearInHalfPrecision) {
  const auto wide = WideTinyModel(6);
  for (const auto& [dtype, tolerance] : {std::pair(at::kHalf, 0.02), std::pair(at::kBFloat16, 0.15)}) {
    const auto model = testing::TinyModelIn(dtype, 6);
    for (const Method method : kGradientMethods) {
      const EdgeScores expected = NaiveAttribution(*wide, MixedPairs(), Options(method));
      ExpectSame(Attribute(*model, MixedPairs(), Options(method)), expected, tolerance * Largest(expected));
    }
  }
}

TEST(EdgeAttributionTest, DoesNotDependOnHowPairsAreBatched) {
  const auto model = TinyModel(6);
  for (const Method method : kGradientMethods) {
    for (const EdgeAblation ablation : {EdgeAblation::kResample, EdgeAblation::kMean}) {
      AttributionOptions options = Options(method, Metric::kLogitDiff, ablation);
      if (!ValidateAttribution(options).ok()) continue;
      const EdgeScores together = Attribute(*model, MixedPairs(), options);
      options.runs.memory_budget_bytes = 1;
      EXPECT_EQ(EstimateAttribution(*model, MixedPairs(), options).micro_batch_prompts, 1);
      ExpectSame(Attribute(*model, MixedPairs(), options), together, 1e-5 * Largest(together));
    }
  }
}

// The integral along the embeddings is all that lies between the two losses.
TEST(EdgeAttributionTest, SharesTheChangeOfTheLossAmongEdgesThatLeaveEmbed) {
  const auto model = WideTinyModel(9);
  const ModelConfig& config = model->config();
  for (const Metric metric : kLosses) {
    double change = 0;
    for (const PromptPair& pair : MixedPairs()) {
      const auto logits = [&](const std::vector<int>& prompt) {
        const at::Tensor tokens = at::tensor(prompt, at::kLong).unsqueeze(0);
        return model->network().Unembed(model->network().Run(tokens))[0][-1];
      };
      const at::Tensor clean = logits(pair.clean);
      change += (testing::NaiveLoss(metric, logits(pair.corrupted), clean, pair) -
                 testing::NaiveLoss(metric, clean, clean, pair))
                    .item<double>() /
                static_cast<double>(MixedPairs().size());
    }
    AttributionOptions options = Options(Method::kEapIgInputs, metric);
    const auto difference = [&](int steps) {
      options.steps = steps;
      const EdgeScores scores = Attribute(*model, MixedPairs(), options);
      double sum = 0;
      for (int receiver = 0; receiver < ReceiverCount(config); ++receiver) sum += scores.At(receiver, 0);
      return std::abs(sum - change);
    };
    EXPECT_GT(std::abs(change), 0.03) << static_cast<int>(metric);
    // The sum's steps begin at the corrupted prompt, where kl_div and nll are steepest.
    const bool is_steep = metric == Metric::kKlDiv || metric == Metric::kNll;
    EXPECT_LT(difference(is_steep ? 128 : 64), 0.01 * std::abs(change)) << static_cast<int>(metric);
    EXPECT_LT(difference(512), 0.002 * std::abs(change)) << static_cast<int>(metric);
  }
}

TEST(EdgeAttributionTest, DrawsRandomScoresFromTheSeed) {
  const auto model = TinyModel(2), other = TinyModel(3);
  AttributionOptions options = Options(Method::kRandom);
  const EdgeScores scores = Attribute(*model, MixedPairs(), options);
  EXPECT_EQ(Attribute(*other, {MixedPairs()[0]}, options).values(), scores.values());
  options.seed = 1;
  EXPECT_THAT(Attribute(*model, MixedPairs(), options).values(), Not(scores.values()));
  double sum = 0, squares = 0;
  const auto edges = EdgeSet::All(model->config()).Edges();
  for (const Edge& edge : edges) {
    const double score =
        scores.At(ReceiverRank(model->config(), edge.receiver), SenderRank(model->config(), edge.sender));
    EXPECT_GE(score, 0);
    EXPECT_LT(score, 1);
    sum += score;
    squares += score * score;
  }
  EXPECT_NEAR(sum / static_cast<double>(edges.size()), 0.5, 0.05);
  EXPECT_NEAR(squares / static_cast<double>(edges.size()), 1.0 / 3, 0.05);
  EXPECT_EQ(scores.At(0, 1), 0);  // A0.0 does not send to its own q
  EXPECT_EQ(EstimateAttribution(*model, MixedPairs(), options).steps, 1);
}

TEST(EdgeAttributionTest, NamesWhatAMethodCantTake) {
  const auto refusal = [](const AttributionOptions& options) {
    const absl::Status status = ValidateAttribution(options);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  for (const Method method : {Method::kEapIgInputs, Method::kEapIgActivations}) {
    for (const int steps : {-1, 0, 1001}) {
      AttributionOptions options = Options(method);
      options.steps = steps;
      EXPECT_EQ(refusal(options), absl::StrCat("steps: ", steps, ", must be 1-1000"));
    }
    for (const int steps : {1, 1000}) {
      AttributionOptions options = Options(method);
      options.steps = steps;
      EXPECT_TRUE(ValidateAttribution(options).ok());
    }
  }
  for (const Metric metric : {Metric::kRank, Metric::kAccuracy}) {
    for (const Method method : kGradientMethods) {
      EXPECT_EQ(refusal(Options(method, metric)),
                absl::StrCat("metric: ", metric == Metric::kRank ? "rank" : "accuracy",
                             ", which has no gradient, must be logit_diff, prob_diff, kl_div or nll"));
    }
    EXPECT_TRUE(ValidateAttribution(Options(Method::kExact, metric)).ok());
    EXPECT_TRUE(ValidateAttribution(Options(Method::kRandom, metric)).ok());
  }
  EXPECT_THAT(refusal(Options(Method::kEap, Metric::kKlDiv)),
              ::testing::StartsWith("metric: kl_div, whose gradient in the clean run is 0, must be logit_diff"));
  EXPECT_TRUE(ValidateAttribution(Options(Method::kEapIgInputs, Metric::kKlDiv)).ok());
  for (const EdgeAblation ablation : {EdgeAblation::kMean, EdgeAblation::kZero}) {
    EXPECT_EQ(refusal(Options(Method::kEapIgInputs, Metric::kLogitDiff, ablation)),
              absl::StrCat("ablation: ", ablation == EdgeAblation::kMean ? "mean" : "zero",
                           ", must be resample: integrated gradients over inputs go to the corrupted prompts"));
    EXPECT_TRUE(ValidateAttribution(Options(Method::kEap, Metric::kLogitDiff, ablation)).ok());
  }
}

TEST(EdgeAttributionTest, NeedsNoAnswersForKlDivergence) {
  const auto model = TinyModel(2);
  PromptPairs pairs = MixedPairs();
  const EdgeScores scores = Attribute(*model, pairs, Options(Method::kEapIgInputs, Metric::kKlDiv));
  for (PromptPair& pair : pairs) pair.correct = pair.incorrect = {};
  EXPECT_EQ(Attribute(*model, pairs, Options(Method::kEapIgInputs, Metric::kKlDiv)).values(), scores.values());
}

}  // namespace
}  // namespace circuitd
