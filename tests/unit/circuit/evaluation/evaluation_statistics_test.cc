// Intervals, areas and parts, worked out by hand.
#include "server/circuit/evaluation/evaluation_statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace circuitd {
namespace {

TEST(EvaluationStatisticsTest, IntervalLiesBetweenNeighbours) {
  const Interval interval = IntervalOf({4, 1, 3, 2, 5});
  EXPECT_DOUBLE_EQ(interval.mean, 3);
  EXPECT_DOUBLE_EQ(interval.standard_deviation, std::sqrt(10.0 / 4));
  // At 4 * 0.025 = 0.1 and 4 * 0.975 = 3.9 of the sorted ones.
  EXPECT_DOUBLE_EQ(interval.low, 1.1);
  EXPECT_DOUBLE_EQ(interval.high, 4.9);
}

TEST(EvaluationStatisticsTest, IntervalOfOneValueIsThatValue) {
  const Interval interval = IntervalOf({-2.5});
  EXPECT_EQ(interval.mean, -2.5);
  EXPECT_EQ(interval.standard_deviation, 0);
  EXPECT_EQ(interval.low, -2.5);
  EXPECT_EQ(interval.high, -2.5);
}

TEST(EvaluationStatisticsTest, AsGoodGoesByTheMetricsDirection) {
  const std::vector<double> random = {1, 2, 3, 3, 4};
  for (const Metric metric : {Metric::kLogitDiff, Metric::kProbDiff, Metric::kAccuracy}) {
    EXPECT_DOUBLE_EQ(PartAsGood(metric, 3, random), 0.6);
  }
  for (const Metric metric : {Metric::kKlDiv, Metric::kNll, Metric::kRank}) {
    EXPECT_DOUBLE_EQ(PartAsGood(metric, 3, random), 0.8);
  }
  EXPECT_EQ(PartAsGood(Metric::kLogitDiff, 3, {}), 0);
}

TEST(EvaluationStatisticsTest, ScoreIsOfPositiveLogitDifferencesOnly) {
  EXPECT_DOUBLE_EQ(*LogitDiffScore(Metric::kLogitDiff, 3, 4), 75);
  EXPECT_FALSE(LogitDiffScore(Metric::kLogitDiff, 3, 0).has_value());
  EXPECT_FALSE(LogitDiffScore(Metric::kLogitDiff, 3, -4).has_value());
  EXPECT_FALSE(LogitDiffScore(Metric::kProbDiff, 3, 4).has_value());
}

TEST(EvaluationStatisticsTest, IncompletenessIsTheMeanDistance) {
  EXPECT_DOUBLE_EQ(Incompleteness(std::vector<Knockout>{{1, 2, 3}, {1, 5, 2}}), 2);
  EXPECT_EQ(Incompleteness({}), 0);
}

TEST(EvaluationStatisticsTest, AreasAreTrapezoidsBetweenTheFirstAndTheLastPoint) {
  const std::vector<CurvePoint> curve = {{0.25, 0, 0, -1}, {0.5, 0, 0, 1}, {1, 0, 0, 2}};
  EXPECT_DOUBLE_EQ(CprOf(curve), 0.25 * 0 + 0.5 * 1.5);
  EXPECT_DOUBLE_EQ(CmdOf(curve), 0.25 * 1 + 0.5 * 0.5);
  EXPECT_EQ(CprOf({}), 0);
}

TEST(EvaluationStatisticsTest, AreasOfAFaithfulCurveAreItsWidthAndNothing) {
  std::vector<CurvePoint> curve;
  for (const double fraction : {0.001, 0.01, 0.1, 1.0}) curve.push_back({fraction, 0, 0, 1});
  EXPECT_DOUBLE_EQ(CprOf(curve), 0.999);
  EXPECT_DOUBLE_EQ(CmdOf(curve), 0);
}

}  // namespace
}  // namespace circuitd
