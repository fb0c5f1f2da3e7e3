// What a forward pass may ask for.
#include <gtest/gtest.h>

#include "server/model/forward.h"
#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

using testing::TinyConfig;

const std::vector<std::vector<int>> kPrompts = {{1, 2, 3}, {4}};

TEST(ValidatePromptsTest, NamesPromptPositionAndBound) {
  const ModelConfig config = TinyConfig();
  const auto message = [&](const std::vector<std::vector<int>>& prompts) {
    return std::string(ValidatePrompts(config, "prompts", prompts).message());
  };
  EXPECT_EQ(message({}), "prompts: none, at least 1 is needed");
  EXPECT_EQ(message({{1}, {}}), "prompts[1]: 0 tokens, at least 1 is needed");
  EXPECT_EQ(message({std::vector<int>(13, 1)}), "prompts[0]: 13 tokens, n_ctx is 12");
  EXPECT_EQ(message({{1, 23}}), "prompts[0].tokens.ids[1]: 23, d_vocab is 23 (0-22)");
  EXPECT_EQ(message({{1, -1}}), "prompts[0].tokens.ids[1]: -1, d_vocab is 23 (0-22)");
  EXPECT_TRUE(ValidatePrompts(config, "prompts", kPrompts).ok());
}

TEST(ValidateTokensTest, NamesThePlaceAndTheBound) {
  const ModelConfig config = TinyConfig();
  EXPECT_EQ(ValidateToken(config, "token", 23).message(), "token: 23, d_vocab is 23 (0-22)");
  EXPECT_EQ(ValidateToken(config, "token", int64_t{1} << 32).message(), "token: 4294967296, d_vocab is 23 (0-22)");
  EXPECT_TRUE(ValidateToken(config, "token", 22).ok());
  EXPECT_EQ(ValidateTokens(23, "tokens", {0, 22, -1}).message(), "tokens[2]: -1, d_vocab is 23 (0-22)");
  EXPECT_TRUE(ValidateTokens(23, "tokens", {}).ok());
}

TEST(ValidateAnswersTest, NamesTheAnswerAtFault) {
  const auto message = [&](const std::vector<Answer>& answers, bool needs_incorrect = true) {
    return std::string(ValidateAnswers(TinyConfig(), answers, 2, needs_incorrect).message());
  };
  EXPECT_EQ(message({{{1}, {2}}, {{3}, {4, 5}}}), "");
  EXPECT_EQ(message({{{1}, {2}}}), "answers: 1, one for each of the 2 prompts is needed");
  EXPECT_EQ(message({{{1}, {2}}, {{}, {4}}}), "answers[1].correct: none, at least 1 is needed");
  EXPECT_EQ(message({{{1}, {2}}, {{3}, {}}}), "answers[1].incorrect: none, at least 1 is needed");
  EXPECT_EQ(message({{{1}, {}}, {{3}, {}}}, false), "");
  EXPECT_EQ(message({{{1}, {}}, {{3, 23}, {}}}, false), "answers[1].correct[1]: 23, d_vocab is 23 (0-22)");
  EXPECT_EQ(message({{{1}, {-1}}, {{3}, {}}}, false), "answers[0].incorrect[0]: -1, d_vocab is 23 (0-22)");
}

TEST(ValidateForwardTest, NamesTheField) {
  ForwardRequest good;
  good.prompts = kPrompts;
  const auto message = [&](auto change) {
    ForwardRequest request = good;
    change(request);
    return std::string(ValidateForward(TinyConfig(), request).message());
  };
  EXPECT_EQ(message([](ForwardRequest&) {}), "");
  EXPECT_EQ(message([](ForwardRequest& r) { r.prompts.clear(); }), "prompts: none, at least 1 is needed");
  EXPECT_EQ(message([](ForwardRequest& r) {
              r.logits.chosen_tokens = {1, 23};
            }),
            "logits.chosen_tokens[1]: 23, d_vocab is 23 (0-22)");
  EXPECT_EQ(message([](ForwardRequest& r) {
              r.capture.hooks = {{HookKind::kZ, 0}};
              r.capture.heads = {4};
            }),
            "capture.heads[0]: 4, model has 4 (0-3)");
  EXPECT_EQ(message([](ForwardRequest& r) {
              r.capture.hooks = {{HookKind::kZ, 0}};
              r.capture.positions.indices = {1};
            }),
            "capture.positions.indices[0]: 1, prompts[1] has 1 tokens");
}

TEST(ValidateForwardTest, WantsAnswersJustForTheMetricsThatReadThem) {
  const auto message = [](std::optional<Metric> metric, const std::vector<Answer>& answers) {
    ForwardRequest request;
    request.prompts = kPrompts;
    request.metric = metric;
    request.answers = answers;
    return std::string(ValidateForward(TinyConfig(), request).message());
  };
  const std::vector<Answer> correct_only = {{{1}, {}}, {{2}, {}}};
  EXPECT_EQ(message(std::nullopt, correct_only), "answers: 2, without a metric nothing uses them");
  EXPECT_EQ(message(Metric::kKlDiv, {}), "metric: KL divergence, there is no other run to compare with");
  EXPECT_EQ(message(Metric::kRank, {}), "answers: 0, one for each of the 2 prompts is needed");
  for (const Metric metric : {Metric::kNll, Metric::kRank, Metric::kAccuracy}) {
    EXPECT_EQ(message(metric, correct_only), "");
  }
  for (const Metric metric : {Metric::kLogitDiff, Metric::kProbDiff}) {
    EXPECT_EQ(message(metric, correct_only), "answers[0].incorrect: none, at least 1 is needed");
  }
}

}  // namespace
}  // namespace circuitd
