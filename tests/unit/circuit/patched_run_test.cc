// Patched runs: what is replaced, by what, and what is refused.
#include "server/circuit/patched_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "server/model/gpt2.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using testing::TinyConfig;
using testing::TinyModel;

const HookPoint kZ1{HookKind::kZ, 1};
const HookPoint kMlp2{HookKind::kMlpOut, 2};

class PatchedRunTest : public ::testing::Test {
 protected:
  PatchedRunTest() {
    request_.prompts = {{1, 2, 3, 4}, {5, 6}};
    request_.source_prompts = {{7, 8, 9, 10}, {11, 12}};
    request_.answers = {{{3}, {4}}, {{5, 6}, {7}}};
    request_.logits.top_k = 23;
  }

  PatchedRunResult Run(int64_t budget = 1 << 30) {
    EXPECT_TRUE(ValidatePatchedRun(model_->config(), request_).ok()) << ValidatePatchedRun(model_->config(), request_);
    ForwardOptions options;
    options.memory_budget_bytes = budget;
    auto result = RunPatched(*model_, request_, options, nullptr);
    EXPECT_TRUE(result.ok()) << result.status();
    return std::move(result).value();
  }

  std::string Refusal() { return std::string(ValidatePatchedRun(model_->config(), request_).message()); }

  // The metric of each prompt, patched.
  std::vector<double> Patched(std::vector<Intervention> interventions, Metric metric = Metric::kLogitDiff) {
    request_.interventions = std::move(interventions);
    request_.metric = metric;
    if (metric == Metric::kKlDiv) request_.answers.clear();
    return Run().metric->patched;
  }

  std::unique_ptr<Model> model_ = TinyModel(5);
  PatchedRunRequest request_;
};

TEST_F(PatchedRunTest, ReproducesTheCleanRunWithoutInterventions) {
  request_.metric = Metric::kLogitDiff;
  const PatchedRunResult result = Run();
  EXPECT_EQ(result.metric->patched, result.metric->unpatched);
  LogitsSelection selection;
  selection.top_k = 1;
  const auto clean = RunForward(*model_, request_.prompts, selection, {}, nullptr);
  EXPECT_EQ((*clean)[1].top[0].logit, result.prompts[1].top[0].logit);
}

TEST_F(PatchedRunTest, ReproducesTheCleanRunWhenResamplingFromItself) {
  request_.source_prompts = request_.prompts;
  const auto patched = Patched({{kZ1, {}, {}, Ablation::kResample}, {kMlp2, {}, {}, Ablation::kResample}});
  const auto result = Run();
  for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(patched[i], result.metric->unpatched[i], 1e-5);
}

TEST_F(PatchedRunTest, BecomesTheSourceRunWhenEverythingIsResampled) {
  // What all nodes write is the source's, so that only the embedding is the prompt's own.
  std::vector<Intervention> all;
  for (int layer = 0; layer < 3; ++layer) {
    all.push_back({{HookKind::kZ, layer}, {}, {}, Ablation::kResample});
    all.push_back({{HookKind::kMlpOut, layer}, {}, {}, Ablation::kResample});
  }
  request_.source_prompts = {{1, 2, 3, 4}, {7, 6}};
  request_.prompts = {{1, 2, 3, 4}, {5, 6}};
  const auto patched = Patched(all);
  request_.prompts = request_.source_prompts;
  request_.interventions.clear();
  // The last token is the same in both, so is its embedding, and with it the whole last position.
  EXPECT_NEAR(patched[1], Run().metric->patched[1], 1e-4);
}

TEST_F(PatchedRunTest, AddsUpHeadsOfOneLayer) {
  const auto together = Patched({{kZ1, {0, 2}, {}, Ablation::kZero}});
  const auto apart = Patched({{kZ1, {0}, {}, Ablation::kZero}, {kZ1, {2}, {}, Ablation::kZero}});
  const auto other = Patched({{kZ1, {0}, {}, Ablation::kZero}});
  for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(together[i], apart[i], 1e-5);
  EXPECT_NE(together[0], other[0]);
}

TEST_F(PatchedRunTest, CountsNegativePositionsFromEachPromptsEnd) {
  const auto last = Patched({{kMlp2, {}, {-1}, Ablation::kZero}});
  const auto first_prompt = Patched({{kMlp2, {}, {1}, Ablation::kZero}});  // position 1 is the second prompt's last
  EXPECT_NEAR(last[1], first_prompt[1], 1e-6);
  EXPECT_NE(last[0], first_prompt[0]);
}

TEST_F(PatchedRunTest, TakesMeansOverSourcePromptsThatHaveThePosition) {
  request_.source_prompts = {{7, 8, 9, 10}};
  request_.prompts = {{1, 2, 3, 4}, {5, 6, 7, 8}};
  const auto mean_of_one = Patched({{kMlp2, {}, {}, Ablation::kMean}});
  // A shorter source prompt has no say at position 3.
  request_.source_prompts = {{7, 8, 9, 10}, {7, 8}};
  const auto mean_of_two = Patched({{kMlp2, {}, {}, Ablation::kMean}});
  for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(mean_of_one[i], mean_of_two[i], 1e-5);
}

TEST_F(PatchedRunTest, AnswersTheSameInMicroBatchesOfAnySize) {
  request_.interventions = {{kZ1, {1}, {}, Ablation::kMean}, {kMlp2, {}, {-1}, Ablation::kResample}};
  request_.metric = Metric::kProbDiff;
  const auto whole = Run(), pieces = Run(1);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(whole.metric->patched[i], pieces.metric->patched[i], 1e-6);
    EXPECT_NEAR(whole.prompts[i].top[0].logit, pieces.prompts[i].top[0].logit, 1e-5);
  }
}

TEST_F(PatchedRunTest, ComputesMetricsAsDefined) {
  const auto probs = [&](size_t prompt) {
    std::vector<double> p(23);
    const PatchedRunResult result = Run();
    for (const TokenLogit& t : result.prompts[prompt].top) p[t.token] = std::exp(t.log_prob);
    return p;
  };
  request_.interventions = {{kMlp2, {}, {}, Ablation::kZero}};
  request_.metric.reset();
  request_.answers.clear();
  const std::vector<double> patched = probs(1);
  request_.interventions.clear();
  const std::vector<double> clean = probs(1);

  request_.answers = {{{3}, {4}}, {{5, 6}, {7}}};
  const std::vector<Intervention> zero = {{kMlp2, {}, {}, Ablation::kZero}};
  EXPECT_NEAR(Patched(zero, Metric::kLogitDiff)[1],
              (std::log(patched[5]) + std::log(patched[6])) / 2 - std::log(patched[7]), 1e-4);
  EXPECT_NEAR(Patched(zero, Metric::kProbDiff)[1], patched[5] + patched[6] - patched[7], 1e-5);
  EXPECT_NEAR(Patched(zero, Metric::kNll)[1], -std::log(patched[5] + patched[6]), 1e-4);
  double kl = 0;
  for (int t = 0; t < 23; ++t) kl += clean[t] * std::log(clean[t] / patched[t]);
  EXPECT_NEAR(Patched(zero, Metric::kKlDiv)[1], kl, 1e-4);
}

TEST_F(PatchedRunTest, RefusesWhatIsOutOfRangeNamingTheBound) {
  const auto refusal = [&](Intervention intervention) {
    request_.answers.clear();
    request_.interventions = {std::move(intervention)};
    return Refusal();
  };
  EXPECT_EQ(refusal({{HookKind::kZ, 3}, {}, {}, Ablation::kZero}), "interventions[0].hook: layer 3, model has 3 (0-2)");
  EXPECT_EQ(refusal({kZ1, {0, 4}, {}, Ablation::kZero}), "interventions[0].heads[1]: 4, model has 4 (0-3)");
  EXPECT_EQ(refusal({kMlp2, {0}, {}, Ablation::kZero}), "interventions[0].heads: an MLP has no heads");
  EXPECT_EQ(refusal({kMlp2, {}, {0, 2}, Ablation::kZero}),
            "interventions[0].positions[1]: 2, prompts[1] has 2 tokens (-2 to 1)");
  EXPECT_EQ(refusal({kMlp2, {}, {-3}, Ablation::kZero}),
            "interventions[0].positions[0]: -3, prompts[1] has 2 tokens (-2 to 1)");
  EXPECT_EQ(refusal({{HookKind::kResidPre, 0}, {}, {}, Ablation::kZero}),
            "interventions[0].hook: 'blocks.0.hook_resid_pre' can't be patched; blocks.{l}.attn.hook_z and "
            "blocks.{l}.hook_mlp_out can");
}

TEST_F(PatchedRunTest, RefusesRepetitionsAndTooManyInterventions) {
  request_.answers.clear();
  request_.interventions = {{kZ1, std::vector<int>(100'000, 2), {}, Ablation::kZero}};
  EXPECT_EQ(Refusal(), "interventions[0].heads[1]: 2 is there twice");
  request_.interventions = {{kMlp2, {}, std::vector<int>(100'000, 1), Ablation::kZero}};
  EXPECT_EQ(Refusal(), "interventions[0].positions[1]: 1 is there twice");
  request_.interventions = {{kMlp2, {}, {1, -1}, Ablation::kZero}};  // the same in the prompt of two tokens
  EXPECT_EQ(Refusal(), "interventions[0]: the same slice as interventions[0]: blocks.2.hook_mlp_out, position 1");
  request_.interventions.assign(1025, {kMlp2, {}, {}, Ablation::kZero});
  EXPECT_EQ(Refusal(), "interventions: 1025, must be at most 1024");
}

TEST_F(PatchedRunTest, RefusesTwoInterventionsOnOneSlice) {
  request_.answers.clear();
  request_.interventions = {{kZ1, {1}, {}, Ablation::kZero}, {kZ1, {0, 1}, {-1}, Ablation::kResample}};
  EXPECT_EQ(Refusal(),
            "interventions[1]: the same slice as interventions[0]: blocks.1.attn.hook_z, head 1, position 1");
  // Position 0 and the last one are the same in a prompt of one token only.
  request_.prompts = {{1, 2, 3, 4}, {5, 6}};
  request_.interventions = {{kMlp2, {}, {0}, Ablation::kZero}, {kMlp2, {}, {-1}, Ablation::kZero}};
  EXPECT_EQ(Refusal(), "");
  request_.prompts = {{1, 2, 3, 4}, {5}};
  request_.source_prompts.clear();
  EXPECT_EQ(Refusal(), "interventions[1]: the same slice as interventions[0]: blocks.2.hook_mlp_out, position 0");
}

TEST_F(PatchedRunTest, RefusesSourcesThatDoNotFit) {
  request_.answers.clear();
  request_.interventions = {{kMlp2, {}, {}, Ablation::kResample}};
  request_.source_prompts = {{7, 8, 9, 10}};
  EXPECT_EQ(Refusal(), "source_prompts: 1, resample ablation needs one for each of the 2 prompts");
  request_.source_prompts = {{7, 8, 9, 10}, {1, 2, 3}};
  EXPECT_EQ(Refusal(), "source_prompts[1]: 3 tokens, its prompt has 2");
  request_.source_prompts.clear();
  EXPECT_EQ(Refusal(), "source_prompts: none, mean and resample ablation need them");
  request_.interventions = {{kMlp2, {}, {}, Ablation::kMean}};
  request_.source_prompts = {{7, 8}};
  EXPECT_EQ(Refusal(), "interventions[0].ablation: a mean at position 3, the longest of source_prompts has 2 tokens");
}

TEST_F(PatchedRunTest, RefusesAnswersThatDoNotFit) {
  EXPECT_EQ(Refusal(), "answers: 2, the request's metric uses none");
  request_.metric = Metric::kLogitDiff;
  request_.answers = {{{3}, {4}}};
  EXPECT_EQ(Refusal(), "answers: 1, the metric needs one for each of the 2 prompts");
  request_.answers = {{{3}, {4}}, {{}, {1}}};
  EXPECT_EQ(Refusal(), "answers[1].correct: none, at least 1 is needed");
  request_.answers = {{{3}, {23}}, {{2}, {1}}};
  EXPECT_EQ(Refusal(), "answers[0].incorrect[0]: 23, d_vocab is 23 (0-22)");
  request_.answers = {{{3}, {}}, {{2}, {}}};
  request_.metric = Metric::kNll;
  EXPECT_EQ(Refusal(), "");
}

}  // namespace
}  // namespace circuitd
