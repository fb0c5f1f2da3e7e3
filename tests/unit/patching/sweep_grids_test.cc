// Results of sweeps, and their means.
#include "server/patching/sweep_grids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/unit/patching/pair_prompts.h"
#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Of prompts of 5, 3 and 8 tokens.
SweepRequest Request(HookKind hook) {
  return {testing::MixedPairs(), {hook}, PatchingDirection::kDenoising, Metric::kLogitDiff, {1}, {}};
}

TEST(SweepGridsTest, TakesMeansOverThePromptsThatHaveThePosition) {
  const SweepRequest request = Request(HookKind::kResidPre);
  SweepResult result = EmptySweepResult(testing::TinyConfig(), request);
  SweepGrid& grid = result.grids[0];
  grid.per_prompt[ValueIndex(grid, 0, 4, 0, 3)] = 1;
  EXPECT_TRUE(std::isnan(grid.per_prompt[ValueIndex(grid, 0, 4, 1, 3)]));
  grid.per_prompt[ValueIndex(grid, 0, 4, 2, 3)] = 2;
  FillMeans(request, result);
  EXPECT_EQ(grid.mean[4], 1.5);
}

TEST(SweepGridsTest, DoesNotHideAValueThatIsNoNumber) {
  const SweepRequest request = Request(HookKind::kZ);
  SweepResult result = EmptySweepResult(testing::TinyConfig(), request);
  SweepGrid& grid = result.grids[0];
  grid.per_prompt[ValueIndex(grid, 0, 2, 1, 3)] = kNaN;
  FillMeans(request, result);
  EXPECT_EQ(grid.mean[1], 0);
  EXPECT_TRUE(std::isnan(grid.mean[2]));
}

}  // namespace
}  // namespace circuitd
