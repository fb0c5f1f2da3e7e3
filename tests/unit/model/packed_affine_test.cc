#include "server/model/packed_affine.h"

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <tuple>

#include "server/model/layer_parts.h"

namespace circuitd {
namespace {

// Rows, in, out, whether there is a bias, whether the weight is packed.
using Case = std::tuple<int, int, int, bool, bool>;

class PackedAffineTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    at::manual_seed(1);
    const auto [rows, in, out, has_bias, pack] = GetParam();
    x_ = at::randn({rows, in});
    other_ = at::randn({rows, out});
    weight_ = at::randn({in, out});
    if (has_bias) bias_ = at::randn({out});
    affine_ = PackedAffine(weight_, bias_, pack);
    expected_ = at::matmul(x_.to(at::kDouble), weight_.to(at::kDouble));
    if (has_bias) expected_ = expected_ + bias_;
  }

  // In float64, to float32's rounding over `in` terms.
  void ExpectNear(const at::Tensor& actual, const at::Tensor& expected) const {
    EXPECT_EQ(actual.scalar_type(), at::kFloat);
    EXPECT_EQ(actual.sizes(), expected.sizes());
    EXPECT_LT((actual - expected).abs().max().item<double>(), 1e-5 * weight_.size(0));
  }

  const c10::InferenceMode inference_;
  at::Tensor x_, other_, weight_, bias_, expected_;
  PackedAffine affine_;
};

TEST_P(PackedAffineTest, MultipliesAndAddsTheBias) { ExpectNear(affine_(x_), expected_); }

TEST_P(PackedAffineTest, AppliesTheModelsActivation) {
  ModelConfig config;
  for (const auto& [activation, approximate] :
       {std::pair(Activation::kGeluNew, "tanh"), std::pair(Activation::kGelu, "none")}) {
    config.activation = activation;
    ExpectNear(affine_.Activated(config, x_), at::gelu(expected_, approximate));
  }
}

TEST_P(PackedAffineTest, AddsToOtherRowsAndLeavesThemAsTheyWere) {
  const at::Tensor before = other_.clone();
  ExpectNear(affine_.Plus(other_, x_), expected_ + other_);
  EXPECT_TRUE(other_.equal(before));
}

INSTANTIATE_TEST_SUITE_P(Shapes, PackedAffineTest,
                         testing::Combine(testing::Values(1, 7, 300), testing::Values(3, 48, 65),
                                          testing::Values(1, 96), testing::Bool(), testing::Bool()));

TEST(PackedAffineFallbackTest, RefersToAWeightThatItDoesNotPack) {
  const at::Tensor half = at::ones({4, 4}, at::kHalf);
  EXPECT_FALSE(PackedAffine(half, {}, /*pack=*/true).packed());
  EXPECT_FALSE(PackedAffine(at::ones({4, 4}), {}, /*pack=*/false).packed());
}

TEST(PackedAffineFallbackTest, PacksFloat32OnACpuThatHasTheKernels) {
  EXPECT_EQ(PackedAffine(at::ones({4, 4}), {}, /*pack=*/true).packed(), at::hasMKLDNN());
}

}  // namespace
}  // namespace circuitd
