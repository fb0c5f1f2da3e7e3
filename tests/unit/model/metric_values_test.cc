// Metrics of given logits.
#include "server/model/metric_values.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace circuitd {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

std::vector<double> Values(Metric metric, const std::vector<float>& logits, const std::vector<Answer>& answers) {
  const auto rows = static_cast<int64_t>(answers.size());
  return MetricPerPrompt(metric, at::tensor(logits).view({rows, -1}), {}, answers);
}

TEST(MetricValuesTest, RankCountsTokensOverTheLikeliestCorrectOne) {
  const std::vector<float> logits = {3, 1, 2, 0, /**/ 3, 1, 2, 0};
  EXPECT_THAT(Values(Metric::kRank, logits, {{{3, 2}, {}}, {{0}, {}}}), ElementsAre(1, 0));
  EXPECT_THAT(Values(Metric::kAccuracy, logits, {{{3, 2}, {}}, {{3, 0}, {}}}), ElementsAre(0, 1));
}

TEST(MetricValuesTest, RankCountsNoEqualLogits) {
  const std::vector<float> logits = {2, 2, 2, 1};
  EXPECT_THAT(Values(Metric::kRank, logits, {{{1}, {}}}), ElementsAre(0));
  EXPECT_THAT(Values(Metric::kAccuracy, logits, {{{1}, {}}}), ElementsAre(1));
  EXPECT_THAT(Values(Metric::kRank, logits, {{{3}, {}}}), ElementsAre(3));
}

TEST(MetricValuesTest, LogitDiffTakesTheMeanOfEachList) {
  EXPECT_THAT(Values(Metric::kLogitDiff, {3, 1, 2, 0}, {{{0, 1}, {3, 2}}}), ElementsAre(2 - 1));
}

TEST(MetricValuesTest, ProbabilitiesAreSummed) {
  const std::vector<float> logits = {std::log(4.0f), std::log(3.0f), std::log(2.0f), std::log(1.0f)};
  EXPECT_THAT(Values(Metric::kProbDiff, logits, {{{0, 3}, {1, 2}}}), ElementsAre(DoubleNear(0, 1e-6)));
  EXPECT_THAT(Values(Metric::kNll, logits, {{{0, 3}, {}}}), ElementsAre(DoubleNear(std::log(2), 1e-6)));
}

TEST(MetricValuesTest, KlDivergenceIsOfTheReference) {
  const at::Tensor reference = at::tensor({std::log(0.5f), std::log(0.5f)}).view({1, 2});
  const at::Tensor run = at::tensor({std::log(0.25f), std::log(0.75f)}).view({1, 2});
  const double expected = 0.5 * std::log(0.5 / 0.25) + 0.5 * std::log(0.5 / 0.75);
  EXPECT_THAT(MetricPerPrompt(Metric::kKlDiv, run, reference, {}), ElementsAre(DoubleNear(expected, 1e-6)));
  EXPECT_THAT(MetricPerPrompt(Metric::kKlDiv, run, run, {}), ElementsAre(0));
}

}  // namespace
}  // namespace circuitd
