// Patched runs: means, sources, metrics, captures, and runs that are known from elsewhere.
#include "server/patching/patched_run.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/unit/patching/patched_run_fixture.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

using testing::Indices;
using testing::On;
using testing::Tensors;
using testing::TinyModel;
using testing::ToTorch;

const HookPoint kZ1{HookKind::kZ, 1};
const HookPoint kMlp2{HookKind::kMlpOut, 2};

class PatchedRunTest : public testing::PatchedRunFixture {
 protected:
  // The metric of each prompt, patched.
  std::vector<double> Patched(std::vector<Intervention> interventions, Metric metric = Metric::kLogitDiff) {
    request_.metric = metric;
    request_.answers = NeedsAnswers(metric) ? std::vector<Answer>{{{3}, {4}}, {{5, 6}, {7}}} : std::vector<Answer>{};
    RunWith(std::move(interventions));
    return result_.metric->patched;
  }
};

TEST_F(PatchedRunTest, ReproducesTheCleanRunWithoutInterventions) {
  Patched({});
  EXPECT_EQ(result_.metric->patched, result_.metric->unpatched);
  ForwardRequest clean;
  clean.prompts = request_.prompts;
  clean.logits.top_k = 1;
  const auto forward = RunForward(*model_, clean, {}, nullptr);
  EXPECT_EQ(forward->prompts[1].top[0].logit, result_.prompts[1].top[0].logit);
}

TEST_F(PatchedRunTest, BecomesTheSourceRunWhenEverythingIsResampled) {
  const Tensors source = Clean(request_.source_prompts);
  const int last = model_->config().n_layers - 1;
  ExpectSameLogits(RunWith({On({HookKind::kResidPost, last}, Ablation::kResample)}), source);
  ExpectSameLogits(
      RunWith({On({HookKind::kEmbed}, Ablation::kResample), On({HookKind::kPosEmbed}, Ablation::kResample)}), source);
  ExpectSameLogits(RunWith({On({HookKind::kLnFinalNormalized}, Ablation::kResample)}), source);
}

TEST_F(PatchedRunTest, ZeroOfAHeadsZIsAModelWithoutItsOutputWeights) {
  const Tensors ablated = RunWith({On(kZ1, Ablation::kZero, {2})});
  Gpt2Weights weights = testing::RandomWeights(model_->config(), 5);
  weights.blocks[1].o_weight.narrow(0, 2 * 4, 4).zero_();
  model_ = std::make_unique<Model>("without head", model_->config(), nullptr,
                                   std::make_unique<Gpt2>(model_->config(), weights), nullptr, "cpu", DType::kFloat32);
  ExpectSameLogits(ablated, Clean(request_.prompts), 1e-5);
}

TEST_F(PatchedRunTest, AddsUpHeadsOfOneLayer) {
  const Tensors together = RunWith({On(kZ1, Ablation::kZero, {0, 2})});
  ExpectSameLogits(RunWith({On(kZ1, Ablation::kZero, {0}), On(kZ1, Ablation::kZero, {2})}), together);
  EXPECT_FALSE(
      at::allclose(ToTorch(RunWith({On(kZ1, Ablation::kZero, {0})}).at("logits/0")), ToTorch(together.at("logits/0"))));
}

TEST_F(PatchedRunTest, CountsNegativePositionsFromEachPromptsEnd) {
  const auto last = Patched({On(kMlp2, Ablation::kZero, {}, Indices({-1}))});
  // Position 1 is the second prompt's last.
  const auto first_prompt = Patched({On(kMlp2, Ablation::kZero, {}, Indices({1}))});
  EXPECT_NEAR(last[1], first_prompt[1], 1e-6);
  EXPECT_NE(last[0], first_prompt[0]);
}

TEST_F(PatchedRunTest, TakesMeansOverSourcePromptsThatHaveThePosition) {
  request_.source_prompts = {{7, 8, 9, 10}};
  request_.prompts = {{1, 2, 3, 4}, {5, 6, 7, 8}};
  for (const HookPoint hook : {kMlp2, kZ1, HookPoint{HookKind::kPattern, 1}, HookPoint{HookKind::kLnFinalNormalized}}) {
    request_.source_prompts = {{7, 8, 9, 10}};
    const Tensors mean_of_one = RunWith({On(hook, Ablation::kMean)});
    // A shorter source prompt has no say at position 3.
    request_.source_prompts = {{7, 8, 9, 10}, {7, 8}};
    ExpectSameLogits(RunWith({On(hook, Ablation::kMean)}), mean_of_one, 1e-5);
  }
}

TEST_F(PatchedRunTest, AnswersTheSameInMicroBatchesOfAnySize) {
  request_.metric = Metric::kProbDiff;
  request_.answers = {{{3}, {4}}, {{5, 6}, {7}}};
  const std::vector<Intervention> interventions = {On(kZ1, Ablation::kMean, {1}),
                                                   On(kMlp2, Ablation::kResample, {}, Indices({-1}))};
  const Tensors whole = RunWith(interventions);
  const auto metric = result_.metric->patched;
  ExpectSameLogits(RunWith(interventions, /*budget=*/1), whole, 1e-5);
  for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(metric[i], result_.metric->patched[i], 1e-6);
}

TEST_F(PatchedRunTest, ComputesMetricsAsDefined) {
  const auto probs = [&](std::vector<Intervention> interventions) {
    RunWith(std::move(interventions));
    std::vector<double> p(23);
    for (const TokenLogit& t : result_.prompts[1].top) p[t.token] = std::exp(t.log_prob);
    return p;
  };
  const std::vector<Intervention> zero = {On(kMlp2, Ablation::kZero)};
  const std::vector<double> patched = probs(zero), clean = probs({});
  EXPECT_NEAR(Patched(zero, Metric::kLogitDiff)[1],
              (std::log(patched[5]) + std::log(patched[6])) / 2 - std::log(patched[7]), 1e-4);
  EXPECT_NEAR(Patched(zero, Metric::kProbDiff)[1], patched[5] + patched[6] - patched[7], 1e-5);
  EXPECT_NEAR(Patched(zero, Metric::kNll)[1], -std::log(patched[5] + patched[6]), 1e-4);
  double kl = 0;
  for (int t = 0; t < 23; ++t) kl += clean[t] * std::log(clean[t] / patched[t]);
  EXPECT_NEAR(Patched(zero, Metric::kKlDiv)[1], kl, 1e-4);
  const double likeliest = std::max(patched[5], patched[6]);
  double rank = 0;
  for (const double p : patched) rank += p > likeliest ? 1 : 0;
  EXPECT_EQ(Patched(zero, Metric::kRank)[1], rank);
  EXPECT_EQ(Patched(zero, Metric::kAccuracy)[1], rank == 0 ? 1 : 0);
}

TEST_F(PatchedRunTest, CapturesWhatFlowsOnAfterTheInterventions) {
  request_.capture.hooks = {kZ1, {HookKind::kLnFinalNormalized}};
  request_.capture.heads = {3, 2};
  request_.capture.positions = Indices({-1});
  const Tensors tensors = RunWith({On(kZ1, ScaleBy{0}, {2}), On({HookKind::kLnFinalNormalized}, ScaleBy{0})});
  const at::Tensor z = ToTorch(tensors.at("blocks.1.attn.hook_z/1"));  // [1, 2, d_head]
  EXPECT_EQ(z.sizes(), at::IntArrayRef({1, 2, 4}));
  EXPECT_TRUE(z[0][1].eq(0).all().item<bool>());
  EXPECT_FALSE(z[0][0].eq(0).any().item<bool>());
  EXPECT_TRUE(ToTorch(tensors.at("ln_final.hook_normalized/0")).eq(0).all().item<bool>());
  // The logits, too, are of what flows on.
  EXPECT_TRUE(ToTorch(tensors.at("logits/0")).eq(0).all().item<bool>());
}

TEST_F(PatchedRunTest, NamesThePromptWhoseLogitsAreNotFinite) {
  request_.interventions = {On({HookKind::kAttnScores, 0}, SetTo{testing::Floats({2, 1, 1, 1}, {0, -INFINITY})})};
  ASSERT_TRUE(ValidatePatchedRun(model_->config(), request_).ok());
  const auto result = RunPatched(*model_, request_, {}, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(result.status().message()), ::testing::HasSubstr("prompts[1]"));
}

}  // namespace
}  // namespace circuitd
