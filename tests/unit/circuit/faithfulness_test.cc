// Faithfulness, worked out by hand.
#include "server/circuit/faithfulness.h"

#include <gtest/gtest.h>

#include <limits>

namespace circuitd {
namespace {

TEST(FaithfulnessTest, IsThePartOfTheWayFromEmptyToModel) {
  EXPECT_DOUBLE_EQ(*Faithfulness(2, 5, 1), 0.25);
  EXPECT_DOUBLE_EQ(*Faithfulness(9, 5, 1), 2);
  // Lower is better, and yet the model is at 1.
  EXPECT_DOUBLE_EQ(*Faithfulness(0, 0, 4), 1);
}

TEST(FaithfulnessTest, IsUnsetWhereModelAndEmptyCircuitDifferByRoundingOnly) {
  EXPECT_FALSE(Faithfulness(2, 5, 5).has_value());
  EXPECT_FALSE(Faithfulness(5, 5, 5).has_value());
  EXPECT_FALSE(Faithfulness(-1e-8, 0, 1.4e-8).has_value());
  EXPECT_FALSE(Faithfulness(0, 1e-6, 0).has_value());
  EXPECT_FALSE(Faithfulness(0, -50.00004, -50).has_value());
}

TEST(FaithfulnessTest, IsSetWhereTheyDifferByMore) {
  EXPECT_NEAR(*Faithfulness(1e-6, 2e-6, 0), 0.5, 1e-9);
  EXPECT_NEAR(*Faithfulness(-50, -50.0001, -50), 0, 1e-9);
}

TEST(FaithfulnessTest, IsUnsetWhereItIsNotFinite) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  for (const double odd : {kInfinity, -kInfinity, kNan}) {
    EXPECT_FALSE(Faithfulness(odd, 2, 1).has_value());
    EXPECT_FALSE(Faithfulness(1, odd, 1).has_value());
    EXPECT_FALSE(Faithfulness(1, 2, odd).has_value());
  }
}

}  // namespace
}  // namespace circuitd
