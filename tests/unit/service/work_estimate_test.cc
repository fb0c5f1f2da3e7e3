// Estimates tell what takes milliseconds from what takes seconds.
#include "server/service/work_estimate.h"

#include <gtest/gtest.h>

#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

constexpr double kShort = 0.1, kLong = 1;

std::vector<std::vector<int>> Prompts(size_t count) {
  return std::vector<std::vector<int>>(count, std::vector<int>{1, 2, 3});
}

class WorkEstimateTest : public ::testing::Test {
 protected:
  static constexpr size_t kMany = 100'000;
  const std::shared_ptr<const Model> model_ = testing::TinyModel();
};

TEST_F(WorkEstimateTest, ForwardAndPatchedRunsGrowWithPrompts) {
  ForwardRequest forward;
  PatchedRunRequest patched;
  forward.prompts = patched.prompts = Prompts(1);
  EXPECT_LT(EstimateForward(*model_, forward), kShort);
  EXPECT_LT(EstimatePatchedRun(*model_, patched), kShort);
  const double without_metric = EstimatePatchedRun(*model_, patched);
  patched.metric = Metric::kNll;
  EXPECT_GT(EstimatePatchedRun(*model_, patched), without_metric);
  patched.interventions.resize(1000);
  forward.prompts = patched.prompts = Prompts(kMany);
  EXPECT_GT(EstimateForward(*model_, forward), kLong);
  EXPECT_GT(EstimatePatchedRun(*model_, patched), EstimateForward(*model_, forward));
}

TEST_F(WorkEstimateTest, ForwardGrowsWithWhatIsAnswered) {
  ForwardRequest forward;
  forward.prompts = Prompts(100);
  const double plain = EstimateForward(*model_, forward);
  forward.logits.full_logits = LogitsPositions::kAll;
  const double with_logits = EstimateForward(*model_, forward);
  EXPECT_GT(with_logits, plain);
  forward.capture.hooks = {{HookKind::kResult, 0}};
  EXPECT_GT(EstimateForward(*model_, forward), with_logits);
}

TEST_F(WorkEstimateTest, FilterGrowsWithPairs) {
  PromptPair pair;
  pair.clean = {1, 2, 3};
  EXPECT_LT(EstimateFilter(*model_, PromptPairs(1, pair)), kShort);
  EXPECT_GT(EstimateFilter(*model_, PromptPairs(kMany, pair)), kLong);
}

TEST_F(WorkEstimateTest, LensGrowsWithItsPositions) {
  LogitLensRequest lens;
  lens.prompts = Prompts(1);
  EXPECT_LT(EstimateLogitLens(*model_, lens), kShort);
  lens.prompts = Prompts(1000);
  const double last_alone = EstimateLogitLens(*model_, lens);
  lens.positions = PositionSelector();
  EXPECT_GT(EstimateLogitLens(*model_, lens), last_alone);
  lens.prompts = Prompts(kMany);
  EXPECT_GT(EstimateLogitLens(*model_, lens), kLong);
}

TEST_F(WorkEstimateTest, ReadingsGrowWithPrompts) {
  AttentionRequest attention;
  HeadCircuitRequest circuit;
  circuit.sequence = {1, 2, 3};
  attention.prompts = circuit.prompts = Prompts(1);
  EXPECT_LT(EstimateLogitAttribution(*model_, Prompts(1)), kShort);
  EXPECT_LT(EstimateAttention(*model_, attention), kShort);
  EXPECT_LT(EstimateOv(*model_, circuit), kShort);
  EXPECT_LT(EstimateQk(*model_, circuit), kShort);
  attention.prompts = circuit.prompts = Prompts(kMany);
  EXPECT_GT(EstimateLogitAttribution(*model_, Prompts(kMany)), kLong);
  EXPECT_GT(EstimateAttention(*model_, attention), kLong);
  EXPECT_GT(EstimateOv(*model_, circuit), kLong);
  EXPECT_GT(EstimateQk(*model_, circuit), kLong);
}

}  // namespace
}  // namespace circuitd
