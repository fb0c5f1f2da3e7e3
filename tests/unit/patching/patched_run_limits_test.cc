// What patched runs leave room for in their micro-batches.
#include "server/patching/patched_run_limits.h"

#include <gtest/gtest.h>

#include "tests/unit/patching/patched_run_fixture.h"

namespace circuitd {
namespace {

using testing::On;

const HookPoint kZ0{HookKind::kZ, 0}, kZ1{HookKind::kZ, 1}, kPattern{HookKind::kPattern, 0};

class PatchedRunLimitsTest : public testing::PatchedRunFixture {
 protected:
  MicroBatchLimits LimitsWith(std::vector<Intervention> interventions, const HookMeans& means = {}) {
    request_.interventions = std::move(interventions);
    return PatchedRunLimits(network(), request_, means, 1 << 20);
  }
  int64_t BytesPerToken(std::vector<Intervention> interventions) {
    return LimitsWith(std::move(interventions)).extra_bytes_per_token;
  }
};

TEST_F(PatchedRunLimitsTest, KeepRoomForEachHookPointThatIsTakenFromSourcePrompts) {
  EXPECT_EQ(BytesPerToken({}), 0);
  // A layer's z is 16 floats a token, however many of its heads are resampled.
  const int64_t once = BytesPerToken({On(kZ0, ScaleBy{2})});
  EXPECT_GE(once, 2 * 16 * 4);
  EXPECT_EQ(BytesPerToken({On(kZ0, Ablation::kResample, {1}), On(kZ0, Ablation::kResample, {2})}), once + 16 * 4);
  EXPECT_EQ(BytesPerToken({On(kZ0, Ablation::kResample), On(kZ1, Ablation::kResample)}), once + 2 * 16 * 4);
  // 4 heads and the longest prompt's keys.
  EXPECT_EQ(BytesPerToken({On(kPattern, Ablation::kResample)}), BytesPerToken({On(kPattern, ScaleBy{2})}) + 4 * 4 * 4);
}

TEST_F(PatchedRunLimitsTest, KeepRoomForCapturesAndMetrics) {
  request_.capture.hooks = {kPattern};
  EXPECT_EQ(BytesPerToken({}), 4 * 4 * 4);
  request_.metric = Metric::kKlDiv;
  EXPECT_GT(LimitsWith({}).extra_bytes_per_prompt, 0);
}

TEST_F(PatchedRunLimitsTest, LeaveOutWhatMeansTake) {
  EXPECT_EQ(LimitsWith({}, {{kZ0, at::zeros({4, 4, 4})}}).budget_bytes, (1 << 20) - 4 * 4 * 4 * 4);
  EXPECT_EQ(LimitsWith({}, {{kZ0, at::zeros({1024, 1024})}}).budget_bytes, 1);
}

TEST_F(PatchedRunLimitsTest, CountTheInterventionsWorkAsThePasss) {
  const auto max_flops = [&](std::vector<Intervention> interventions) {
    return LimitsWith(std::move(interventions)).max_flops;
  };
  const double unpatched = LimitsFor(network().device(), network().dtype(), 1 << 20).max_flops;
  EXPECT_EQ(max_flops({}), unpatched);
  const double one = max_flops({On(kPattern, ScaleBy{2}, {0})});
  EXPECT_LT(one, unpatched);
  EXPECT_LT(max_flops({On(kPattern, ScaleBy{2}, {0}), On(kPattern, ScaleBy{2}, {1})}), one);
  EXPECT_LT(max_flops({On(kPattern, AddNoise{1, 7}, {0})}), one);
  EXPECT_LT(max_flops({On(kPattern, ScaleBy{2}, {0}, testing::Tokens({1, 5}))}), one);

  const double of_four_tokens = max_flops({On(kZ0, ScaleBy{2}, {}, testing::Tokens({1, 5}))});
  request_.prompts = {{1, 2, 3, 4}, {5}};
  EXPECT_LT(max_flops({On(kZ0, ScaleBy{2}, {}, testing::Tokens({1, 5}))}), of_four_tokens);
}

}  // namespace
}  // namespace circuitd
