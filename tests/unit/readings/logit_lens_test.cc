// The logit lens against unembedding each stage of a plain run.
#include "server/readings/logit_lens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "tests/unit/readings/plain_run.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using testing::PlainRun;

class LogitLensTest : public ::testing::Test {
 protected:
  LogitLensTest() {
    request_.prompts = {{1, 2, 3, 4}, {5, 6}, {7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}};
    request_.chosen_tokens = {0, 7, 22};
    request_.top_k = 3;
  }

  std::vector<LensPrompt> Run(int64_t budget = 1 << 30) {
    EXPECT_TRUE(ValidateLogitLens(model_->config(), request_).ok()) << ValidateLogitLens(model_->config(), request_);
    ForwardOptions options;
    options.memory_budget_bytes = budget;
    auto result = RunLogitLens(*model_, request_, options);
    EXPECT_TRUE(result.ok()) << result.status();
    return std::move(result).value();
  }

  // The residual stream [d_model] of a prompt at a stage.
  at::Tensor Stage(size_t prompt, int stage, int position) const {
    const PlainRun run(*model_, request_.prompts[prompt]);
    return (stage == 3 ? run.residual
                       : run.activations["blocks." + std::to_string(stage) + ".hook_resid_pre"])[position];
  }

  // Compares a position's stages with unembedding them one by one.
  void ExpectStages(const LensPosition& read, size_t prompt) const {
    ASSERT_EQ(read.layers.size(), 4);
    for (int stage = 0; stage < 4; ++stage) {
      const at::Tensor residual = Stage(prompt, stage, read.position);
      const at::Tensor logits = request_.skip_ln_final ? at::matmul(model_->network().weights().unembed, residual)
                                                       : model_->network().Unembed(residual);
      const at::Tensor log_probs = logits.log_softmax(-1);
      const PromptLogits& layer = read.layers[stage];
      ASSERT_EQ(layer.chosen.size(), 3);
      for (const TokenLogit& chosen : layer.chosen) {
        EXPECT_NEAR(chosen.logit, logits[chosen.token].item<float>(), 1e-5) << stage;
        EXPECT_NEAR(chosen.log_prob, log_probs[chosen.token].item<float>(), 1e-5) << stage;
      }
      ASSERT_EQ(layer.top.size(), 3);
      EXPECT_EQ(layer.top[0].token, logits.argmax().item<int64_t>());
    }
  }

  std::unique_ptr<Model> model_ = testing::ModelOf(testing::UntiedWeights(3));
  LogitLensRequest request_;
};

TEST_F(LogitLensTest, NamesItsStages) {
  EXPECT_THAT(LensHooks(model_->config()), ElementsAre("blocks.0.hook_resid_pre", "blocks.1.hook_resid_pre",
                                                       "blocks.2.hook_resid_pre", "blocks.2.hook_resid_post"));
}

TEST_F(LogitLensTest, UnembedsEachStageAtTheLastPosition) {
  const auto prompts = Run();
  ASSERT_EQ(prompts.size(), 3);
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(prompts[i].positions.size(), 1);
    EXPECT_EQ(prompts[i].positions[0].position, static_cast<int>(request_.prompts[i].size()) - 1);
    ExpectStages(prompts[i].positions[0], i);
    EXPECT_FALSE(prompts[i].handover);
    EXPECT_TRUE(prompts[i].logit_diff.empty());
  }
}

TEST_F(LogitLensTest, EndsWithTheModelsOwnLogits) {
  const PlainRun run(*model_, request_.prompts[2]);
  const auto prompts = Run();
  for (const TokenLogit& chosen : prompts[2].positions[0].layers[3].chosen) {
    EXPECT_NEAR(chosen.logit, run.logits[11][chosen.token].item<float>(), 1e-5);
  }
}

TEST_F(LogitLensTest, LeavesLnFinalOutWhenAskedTo) {
  request_.skip_ln_final = true;
  const auto prompts = Run();
  for (size_t i = 0; i < 3; ++i) ExpectStages(prompts[i].positions[0], i);
}

TEST_F(LogitLensTest, ReadsAllPositionsInBlocks) {
  // 18 positions of 4 stages are more than are unembedded at once.
  request_.positions.emplace();
  const auto prompts = Run();
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(prompts[i].positions.size(), request_.prompts[i].size());
    for (size_t p = 0; p < prompts[i].positions.size(); ++p) {
      EXPECT_EQ(prompts[i].positions[p].position, static_cast<int>(p));
      ExpectStages(prompts[i].positions[p], i);
    }
  }
}

TEST_F(LogitLensTest, ReadsSelectedPositionsAndScoresTheLast) {
  request_.positions.emplace();
  request_.positions->roles = {"cause"};
  request_.roles = {{{"cause", 1}}, {{"cause", 1}}, {{"cause", 0}}};
  request_.answers = {{{3, 5}, {4}}, {{5}, {7, 8}}, {{1}, {2}}};
  const auto prompts = Run();
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(prompts[i].positions.size(), 1);
    EXPECT_EQ(prompts[i].positions[0].position, request_.roles[i]["cause"]);
    ExpectStages(prompts[i].positions[0], i);
    ASSERT_EQ(prompts[i].logit_diff.size(), 4);
    const auto mean_logit = [&](int stage, const std::vector<int>& tokens) {
      const at::Tensor logits =
          model_->network().Unembed(Stage(i, stage, static_cast<int>(request_.prompts[i].size()) - 1));
      double sum = 0;
      for (const int token : tokens) sum += logits[token].item<float>();
      return sum / static_cast<double>(tokens.size());
    };
    for (int stage = 0; stage < 4; ++stage) {
      EXPECT_NEAR(prompts[i].logit_diff[stage],
                  mean_logit(stage, request_.answers[i].correct) - mean_logit(stage, request_.answers[i].incorrect),
                  1e-5);
    }
  }
}

TEST_F(LogitLensTest, HandsOverWhereTheCorrectTokenStartsToStayAhead) {
  for (int correct = 0; correct < 23; ++correct) {
    for (int incorrect = 0; incorrect < 23; ++incorrect) request_.answers.push_back({{correct}, {incorrect}});
  }
  request_.prompts.assign(request_.answers.size(), {1, 2, 3, 4});
  std::set<std::optional<int>> seen;
  for (const LensPrompt& prompt : Run()) {
    const auto& diff = prompt.logit_diff;
    std::optional<int> expected;
    for (int stage = 0; stage < 4 && !expected; ++stage) {
      if (std::all_of(diff.begin() + stage, diff.end(), [](double d) { return d > 0; })) expected = stage;
    }
    EXPECT_EQ(prompt.handover, expected);
    seen.insert(expected);
  }
  EXPECT_EQ(seen, (std::set<std::optional<int>>{std::nullopt, 0, 1, 2, 3}));
}

TEST_F(LogitLensTest, AnswersTheSameInMicroBatchesOfAnySize) {
  request_.positions.emplace();
  request_.answers = {{{3}, {4}}, {{5}, {7}}, {{1}, {2}}};
  const auto whole = Run(), pieces = Run(1);
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(whole[i].positions.size(), pieces[i].positions.size());
    for (size_t p = 0; p < whole[i].positions.size(); ++p) {
      for (int stage = 0; stage < 4; ++stage) {
        EXPECT_NEAR(whole[i].positions[p].layers[stage].chosen[1].logit,
                    pieces[i].positions[p].layers[stage].chosen[1].logit, 1e-5);
      }
    }
    EXPECT_EQ(whole[i].handover, pieces[i].handover);
  }
}

TEST_F(LogitLensTest, NamesThePromptWhoseLogitsAreNotFinite) {
  model_ = testing::ModelBrokenAtToken9();
  request_.prompts = {{1, 2}, {3, 9}};
  const auto result = RunLogitLens(*model_, request_, {});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(result.status().message(), "prompts[1]: the run's logits are not finite");
}

TEST_F(LogitLensTest, NamesThePromptInTheMiddleOfABlockWhoseLogitsAreNotFinite) {
  model_ = testing::ModelBrokenAtToken9();
  // 9 positions of 4 stages are unembedded at once.
  request_.prompts = {{1, 2, 3}, {4, 5}, {6, 9, 7}, {8}};
  request_.positions.emplace();
  request_.top_k = 0;
  request_.chosen_tokens.clear();
  const auto result = RunLogitLens(*model_, request_, {});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(result.status().message(), "prompts[2]: the run's logits are not finite");
}

TEST_F(LogitLensTest, RanksTheWholeVocabularyEqualLogitsById) {
  // Tokens 4 and 20 have a logit of 0 whatever the order of summation.
  Gpt2Weights weights = testing::UntiedWeights(3);
  weights.unembed[4].zero_();
  weights.unembed[20].zero_();
  model_ = testing::ModelOf(std::move(weights));
  for (const int k : {1, 5, 22, 23, 40}) {
    request_.top_k = k;
    const auto prompts = Run();
    for (size_t i = 0; i < 3; ++i) {
      const LensPosition& read = prompts[i].positions[0];
      for (int stage = 0; stage < 4; ++stage) {
        const at::Tensor logits = model_->network().Unembed(Stage(i, stage, read.position));
        std::vector<int> expected(23);
        std::iota(expected.begin(), expected.end(), 0);
        std::stable_sort(expected.begin(), expected.end(),
                         [&](int a, int b) { return logits[a].item<float>() > logits[b].item<float>(); });
        expected.resize(std::min(k, 23));
        std::vector<int> top;
        for (const TokenLogit& entry : read.layers[stage].top) top.push_back(entry.token);
        EXPECT_EQ(top, expected) << "k = " << k << ", prompt " << i << ", stage " << stage;
      }
    }
  }
}

TEST_F(LogitLensTest, StopsAtTheCheckpointBetweenBlocks) {
  request_.positions.emplace();
  int calls = 0;
  ForwardOptions options;
  // The first is before the forward pass, the second before the first block.
  options.checkpoint = [&] { return ++calls == 3 ? absl::CancelledError("cancelled") : absl::OkStatus(); };
  EXPECT_EQ(RunLogitLens(*model_, request_, options).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace circuitd
