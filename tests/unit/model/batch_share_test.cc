#include "server/model/batch_share.h"

#include <gtest/gtest.h>

#include "server/model/forward_flops.h"

namespace circuitd {
namespace {

constexpr int64_t kBudget = int64_t{1} << 40;

ModelConfig Config() {
  ModelConfig config;
  config.n_layers = 12;
  config.n_heads = 12;
  config.d_model = 768;
  config.d_head = 64;
  config.d_mlp = 3072;
  config.n_ctx = 1024;
  config.d_vocab = 50257;
  return config;
}

BatchShare Share(int64_t prompts, int64_t length, double max_flops = 1e15) {
  MicroBatchLimits limits;
  limits.budget_bytes = kBudget;
  limits.max_flops = max_flops;
  return ShareOf(Config(), std::vector<std::vector<int>>(prompts, std::vector<int>(length)), limits);
}

TEST(BatchShareTest, AddsUp) {
  const auto both = Together(Config(), Share(2, 20), Share(3, 19), kBudget);
  ASSERT_TRUE(both.has_value());
  EXPECT_EQ(both->prompts, 5);
  EXPECT_EQ(both->longest, 20);
  EXPECT_DOUBLE_EQ(both->flops, 2 * ForwardFlops(Config(), 1, 20) + 3 * ForwardFlops(Config(), 1, 19));
}

TEST(BatchShareTest, KeepsShortPromptsFromBeingPaddedFar) {
  const double full = ForwardFlops(Config(), 4, 1000);
  EXPECT_FALSE(Together(Config(), Share(1, 1000, full), Share(1, 500, full), kBudget).has_value());
  EXPECT_TRUE(Together(Config(), Share(1, 1000, full), Share(1, 700, full), kBudget).has_value());
  // Where nobody notices it, nothing is far.
  EXPECT_TRUE(Together(Config(), Share(1, 3), Share(1, 30), kBudget).has_value());
}

TEST(BatchShareTest, LetsNobodyWaitForPassesOfOthersThatComeFirst) {
  BatchShare prepares = Share(1, 20);
  prepares.prepares = true;
  EXPECT_FALSE(Together(Config(), prepares, Share(1, 20), kBudget).has_value());
  EXPECT_FALSE(Together(Config(), Share(1, 20), prepares, kBudget).has_value());
}

TEST(BatchShareTest, StaysWithinOneMicroBatch) {
  const double most = ForwardFlops(Config(), 4, 20);
  EXPECT_TRUE(Together(Config(), Share(2, 20, most), Share(2, 20, 2 * most), kBudget).has_value());
  EXPECT_FALSE(Together(Config(), Share(2, 20, 2 * most), Share(3, 20, most), kBudget).has_value());
}

TEST(BatchShareTest, StaysWithinTheBudgetThatHoldingsLeave) {
  BatchShare a = Share(2, 20), b = Share(2, 20);
  b.limits.extra_bytes_per_token = 1000;
  const int64_t bytes = ActivationBytes(Config(), 4, 20, b.limits);
  constexpr int64_t kHeldByA = 500, kHeldByB = 700;
  const auto fits = [&](int64_t budget) {
    a.limits.budget_bytes = budget - kHeldByA;
    b.limits.budget_bytes = budget - kHeldByB;
    return Together(Config(), a, b, budget).has_value();
  };
  EXPECT_TRUE(fits(bytes + kHeldByA + kHeldByB));
  EXPECT_FALSE(fits(bytes + kHeldByA + kHeldByB - 1));
}

}  // namespace
}  // namespace circuitd
