// Noise: its moments, and that it depends on its arguments alone.
#include "server/patching/intervention_noise.h"

#include <gtest/gtest.h>

#include <cmath>

namespace circuitd {
namespace {

TEST(InterventionNoiseTest, IsStandardNormal) {
  const std::vector<float> noise = StandardNoise(3, 1, 4, 200'000);
  double sum = 0, squares = 0, fourth_powers = 0;
  for (const float x : noise) {
    sum += x;
    squares += double{x} * x;
    fourth_powers += std::pow(double{x}, 4);
  }
  const double n = static_cast<double>(noise.size());
  EXPECT_NEAR(sum / n, 0, 0.01);
  EXPECT_NEAR(squares / n, 1, 0.02);
  EXPECT_NEAR(fourth_powers / n, 3, 0.1);
}

TEST(InterventionNoiseTest, IsTheSameForTheSameArgumentsOnly) {
  const auto noise = StandardNoise(1, 2, 3, 5);
  EXPECT_EQ(noise, StandardNoise(1, 2, 3, 5));
  EXPECT_NE(noise, StandardNoise(2, 2, 3, 5));
  EXPECT_NE(noise, StandardNoise(1, 3, 3, 5));
  EXPECT_NE(noise, StandardNoise(1, 2, 4, 5));
  EXPECT_NE(StandardNoise(1, 2, 3, 5), StandardNoise(1, 3, 2, 5));
}

TEST(InterventionNoiseTest, LongerNoiseBeginsAsShorterNoise) {
  const auto longer = StandardNoise(1, 2, 3, 8);
  EXPECT_EQ(StandardNoise(1, 2, 3, 5), std::vector<float>(longer.begin(), longer.begin() + 5));
  EXPECT_TRUE(StandardNoise(1, 2, 3, 0).empty());
}

}  // namespace
}  // namespace circuitd
