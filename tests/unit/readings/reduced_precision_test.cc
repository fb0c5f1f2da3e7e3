// Readings of models in float16 and bfloat16, which stay near those in float32.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/readings/attention.h"
#include "server/readings/head_circuits.h"
#include "server/readings/logit_attribution.h"
#include "server/readings/logit_lens.h"
#include "tests/unit/readings/plain_run.h"

namespace circuitd {
namespace {

using ::testing::DoubleNear;
using ::testing::FloatNear;
using ::testing::Pointwise;

class ReducedPrecisionTest : public ::testing::TestWithParam<std::pair<at::ScalarType, DType>> {
 protected:
  ReducedPrecisionTest() {
    const ModelConfig config = testing::TinyConfig();
    Gpt2Weights w = testing::RandomWeights(config, 3);
    exact_ = testing::ModelOf(w);
    const at::ScalarType type = GetParam().first;
    for (at::Tensor* tensor : {&w.embed, &w.pos_embed, &w.ln_final_weight, &w.ln_final_bias, &w.unembed}) {
      *tensor = tensor->to(type);
    }
    for (BlockWeights& b : w.blocks) {
      for (at::Tensor* tensor : {&b.ln1_weight, &b.ln1_bias, &b.attn_weight, &b.attn_bias, &b.o_weight, &b.o_bias,
                                 &b.ln2_weight, &b.ln2_bias, &b.in_weight, &b.in_bias, &b.out_weight, &b.out_bias}) {
        *tensor = tensor->to(type);
      }
    }
    reduced_ = std::make_unique<Model>("tiny", config, nullptr, std::make_unique<Gpt2>(config, std::move(w)), nullptr,
                                       "cpu", GetParam().second);
  }

  static constexpr double kTolerance = 0.2;
  const std::vector<std::vector<int>> prompts_ = {{1, 2, 1}, {3, 2, 3}};
  const std::vector<Answer> answers_ = {{{3}, {4}}, {{5}, {6, 7}}};
  std::unique_ptr<Model> exact_, reduced_;
};

TEST_P(ReducedPrecisionTest, LogitLensStaysNear) {
  LogitLensRequest request;
  request.prompts = prompts_;
  request.answers = answers_;
  const auto exact = RunLogitLens(*exact_, request, {}), reduced = RunLogitLens(*reduced_, request, {});
  ASSERT_TRUE(reduced.ok()) << reduced.status();
  EXPECT_THAT((*reduced)[1].logit_diff, Pointwise(DoubleNear(kTolerance), (*exact)[1].logit_diff));
}

TEST_P(ReducedPrecisionTest, LogitAttributionStaysNear) {
  const auto exact = AttributeLogits(*exact_, prompts_, answers_, {});
  const auto reduced = AttributeLogits(*reduced_, prompts_, answers_, {});
  ASSERT_TRUE(reduced.ok()) << reduced.status();
  EXPECT_THAT(reduced->per_prompt, Pointwise(DoubleNear(kTolerance), exact->per_prompt));
}

TEST_P(ReducedPrecisionTest, AttentionStaysNearInFloat32) {
  AttentionRequest request;
  request.prompts = prompts_;
  request.mean_pattern = request.patterns = request.attn_scores = true;
  std::vector<DType> types;
  const auto exact = ReadAttention(*exact_, request, {}, [](std::string, HostTensor) { return absl::OkStatus(); });
  const auto reduced = ReadAttention(*reduced_, request, {}, [&](std::string, HostTensor tensor) {
    types.push_back(tensor.dtype);
    return absl::OkStatus();
  });
  ASSERT_TRUE(reduced.ok()) << reduced.status();
  EXPECT_THAT(reduced->induction, Pointwise(DoubleNear(kTolerance), exact->induction));
  EXPECT_EQ(types, std::vector<DType>(5, DType::kFloat32));
}

TEST_P(ReducedPrecisionTest, HeadCircuitsStayNearInFloat32) {
  HeadCircuitRequest request;
  request.prompts = prompts_;
  request.sequence = {1, 2, 3};
  const auto ov = ScoreOv(*reduced_, request, {});
  ASSERT_TRUE(ov.ok()) << ov.status();
  EXPECT_EQ(ov->position_count, 6);
  const auto exact = ScoreQk(*exact_, request, {}), reduced = ScoreQk(*reduced_, request, {});
  ASSERT_TRUE(reduced.ok()) << reduced.status();
  EXPECT_EQ(reduced->scores.dtype, DType::kFloat32);
  ASSERT_EQ(reduced->scores.data.size(), exact->scores.data.size());
  const auto values = [](const QkScores& scores) {
    const auto* data = reinterpret_cast<const float*>(scores.scores.data.data());
    return std::vector<float>(data, data + scores.scores.data.size() / sizeof(float));
  };
  EXPECT_THAT(values(*reduced), Pointwise(FloatNear(kTolerance), values(*exact)));
}

INSTANTIATE_TEST_SUITE_P(DTypes, ReducedPrecisionTest,
                         ::testing::Values(std::pair(at::kHalf, DType::kFloat16),
                                           std::pair(at::kBFloat16, DType::kBFloat16)));

}  // namespace
}  // namespace circuitd
