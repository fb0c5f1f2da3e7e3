// Direct logit attribution against each component's own output, and against the model's logits.
#include "server/readings/logit_attribution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/readings/plain_run.h"

namespace circuitd {
namespace {

using testing::PlainRun;

class LogitAttributionTest : public ::testing::Test {
 protected:
  LogitAttribution Run(int64_t budget = 1 << 30) {
    EXPECT_TRUE(ValidateLogitAttribution(model_->config(), prompts_, answers_).ok());
    ForwardOptions options;
    options.memory_budget_bytes = budget;
    auto result = AttributeLogits(*model_, prompts_, answers_, options);
    EXPECT_TRUE(result.ok()) << result.status();
    return std::move(result).value();
  }

  // The output [d_model] of a component at the last position.
  at::Tensor Output(const Component& component, const PlainRun& run) const {
    const std::string block = "blocks." + std::to_string(component.layer) + ".";
    switch (component.kind) {
      case Component::Kind::kEmbed:
        return run.activations["hook_embed"][-1];
      case Component::Kind::kPosEmbed:
        return run.activations["hook_pos_embed"][-1];
      case Component::Kind::kHead:
        return run.activations[block + "attn.hook_result"][-1][component.head];
      case Component::Kind::kAttentionBias:
        return model_->network().weights().blocks[component.layer].o_bias;
      default:
        return run.activations[block + "hook_mlp_out"][-1];
    }
  }

  at::Tensor MeanUnembedding(const std::vector<int>& tokens) const {
    at::Tensor sum = at::zeros({16}, at::kDouble);
    for (const int token : tokens) sum += model_->network().weights().unembed[token];
    return sum / static_cast<double>(tokens.size());
  }

  std::unique_ptr<Model> model_ = testing::ModelOf(testing::UntiedWeights(7));
  std::vector<std::vector<int>> prompts_ = {{1, 2, 3, 4}, {5}, {6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}};
  std::vector<Answer> answers_ = {{{3}, {4}}, {{5, 6, 6}, {7, 8}}, {{1, 2, 3}, {0}}};
};

TEST_F(LogitAttributionTest, ListsComponentsInForwardOrder) {
  const auto all = AllComponents(model_->config());
  ASSERT_EQ(all.size(), 2 + 3 * (4 + 2) + 1);
  EXPECT_EQ(all[0], (Component{Component::Kind::kEmbed}));
  EXPECT_EQ(all[1], (Component{Component::Kind::kPosEmbed}));
  EXPECT_EQ(all[8 + 3], (Component{Component::Kind::kHead, 1, 3}));
  EXPECT_EQ(all[8 + 4], (Component{Component::Kind::kAttentionBias, 1}));
  EXPECT_EQ(all[8 + 5], (Component{Component::Kind::kMlp, 1}));
  EXPECT_EQ(all.back(), (Component{Component::Kind::kLnFinalBias}));
}

TEST_F(LogitAttributionTest, AddsUpToTheLogitDifference) {
  const LogitAttribution attribution = Run();
  for (size_t i = 0; i < prompts_.size(); ++i) {
    const at::Tensor logits = PlainRun(*model_, prompts_[i]).logits[-1];
    const auto mean_logit = [&](const std::vector<int>& tokens) {
      double sum = 0;
      for (const int token : tokens) sum += logits[token].item<float>();
      return sum / static_cast<double>(tokens.size());
    };
    EXPECT_NEAR(attribution.logit_diff[i], mean_logit(answers_[i].correct) - mean_logit(answers_[i].incorrect), 1e-5);
    double sum = 0;
    for (size_t c = 0; c < attribution.mean.size(); ++c) sum += attribution.per_prompt[c * prompts_.size() + i];
    EXPECT_NEAR(sum, attribution.logit_diff[i], 1e-5);
  }
}

TEST_F(LogitAttributionTest, GivesEachComponentWhatItsOwnOutputAdds) {
  const LogitAttribution attribution = Run();
  const auto components = AllComponents(model_->config());
  ASSERT_EQ(attribution.per_prompt.size(), components.size() * prompts_.size());
  const Gpt2Weights& weights = model_->network().weights();
  for (size_t i = 0; i < prompts_.size(); ++i) {
    const PlainRun run(*model_, prompts_[i]);
    const at::Tensor difference = MeanUnembedding(answers_[i].correct) - MeanUnembedding(answers_[i].incorrect);
    const double scale = std::sqrt(run.residual[-1].var(-1, /*unbiased=*/false).item<double>() + 1e-5);
    for (size_t c = 0; c + 1 < components.size(); ++c) {
      const at::Tensor output = Output(components[c], run).to(at::kDouble);
      const at::Tensor normalized = (output - output.mean()) / scale * weights.ln_final_weight;
      EXPECT_NEAR(attribution.per_prompt[c * prompts_.size() + i], at::dot(normalized, difference).item<double>(), 1e-5)
          << c;
    }
    EXPECT_NEAR(attribution.per_prompt[(components.size() - 1) * prompts_.size() + i],
                at::dot(weights.ln_final_bias.to(at::kDouble), difference).item<double>(), 1e-6);
  }
}

TEST_F(LogitAttributionTest, AveragesOverPrompts) {
  const LogitAttribution attribution = Run();
  for (size_t c = 0; c < attribution.mean.size(); ++c) {
    const double* row = attribution.per_prompt.data() + c * 3;
    EXPECT_NEAR(attribution.mean[c], (row[0] + row[1] + row[2]) / 3, 1e-12);
  }
}

TEST_F(LogitAttributionTest, AnswersTheSameInMicroBatchesOfAnySize) {
  const LogitAttribution whole = Run(), pieces = Run(1);
  EXPECT_THAT(whole.per_prompt, ::testing::Pointwise(::testing::DoubleNear(1e-5), pieces.per_prompt));
  EXPECT_THAT(whole.logit_diff, ::testing::Pointwise(::testing::DoubleNear(1e-5), pieces.logit_diff));
}

TEST_F(LogitAttributionTest, AveragesAnswersOfManyTokensInPieces) {
  const LogitAttribution once = Run();
  for (Answer& answer : answers_) {
    const std::vector<int> correct = answer.correct;
    for (int i = 1; i < 1000; ++i) answer.correct.insert(answer.correct.end(), correct.begin(), correct.end());
  }
  EXPECT_THAT(Run().mean, ::testing::Pointwise(::testing::DoubleNear(1e-5), once.mean));
}

TEST_F(LogitAttributionTest, NamesThePromptWhoseLogitsAreNotFinite) {
  const auto broken = testing::ModelBrokenAtToken9();
  const auto result = AttributeLogits(*broken, {{1, 2}, {3, 9}}, {{{3}, {4}}, {{3}, {4}}}, {});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(result.status().message(), "prompts[1]: the run's logits are not finite");
}

}  // namespace
}  // namespace circuitd
