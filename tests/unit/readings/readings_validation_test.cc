// What the readings refuse, and how they say it.
#include <gtest/gtest.h>

#include "base/status.h"
#include "server/readings/attention.h"
#include "server/readings/head_circuits.h"
#include "server/readings/logit_attribution.h"
#include "server/readings/logit_lens.h"
#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

using testing::TinyConfig;

const std::vector<std::vector<int>> kPrompts = {{1, 2, 3, 4}, {5, 6}};

// The message, which starts with the field that the status names.
std::string Refusal(const absl::Status& status) {
  if (status.ok()) return "";
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message().substr(0, FieldOf(status).value_or("none").size() + 1), *FieldOf(status) + ":");
  return std::string(status.message());
}

TEST(ValidateLogitLensTest, NamesTheFieldAndTheBound) {
  LogitLensRequest request;
  const auto refusal = [&] { return Refusal(ValidateLogitLens(TinyConfig(), request)); };
  EXPECT_EQ(refusal(), "prompts: none, at least 1 is needed");
  request.prompts = kPrompts;
  EXPECT_EQ(refusal(), "");
  request.chosen_tokens = {22, 23};
  EXPECT_EQ(refusal(), "chosen_tokens[1]: 23, d_vocab is 23 (0-22)");
  request.chosen_tokens = {-1};
  EXPECT_EQ(refusal(), "chosen_tokens[0]: -1, d_vocab is 23 (0-22)");
  request.chosen_tokens.clear();
  request.positions.emplace();
  request.positions->indices = {0, 2};
  EXPECT_EQ(refusal(), "positions.indices[1]: 2, prompts[1] has 2 tokens");
  request.positions->indices.clear();
  request.positions->roles = {"cause"};
  EXPECT_EQ(refusal(), "positions.roles[0]: prompts[0] has no role \"cause\"");
  request.roles = {{{"cause", 1}}, {}};
  EXPECT_EQ(refusal(), "positions.roles[0]: prompts[1] has no role \"cause\"");
  request.roles[1]["cause"] = 0;
  EXPECT_EQ(refusal(), "");
  request.answers = {{{1}, {2}}, {{3, 23}, {4}}};
  EXPECT_EQ(refusal(), "answers[1].correct[1]: 23, d_vocab is 23 (0-22)");
  request.answers = {{{1}, {2}}, {{3}, {}}};
  EXPECT_EQ(refusal(), "answers[1].incorrect: none, at least 1 is needed");
  request.answers = {{{1}, {2}}};
  EXPECT_EQ(refusal().substr(0, 10), "answers: 1");
}

TEST(ValidateLogitAttributionTest, NamesTheFieldAndTheBound) {
  const auto refusal = [](const std::vector<std::vector<int>>& prompts, const std::vector<Answer>& answers) {
    return Refusal(ValidateLogitAttribution(TinyConfig(), prompts, answers));
  };
  EXPECT_EQ(refusal(kPrompts, {{{1}, {2}}, {{3}, {4, 5}}}), "");
  EXPECT_EQ(refusal({{}}, {{{1}, {2}}}), "prompts[0]: 0 tokens, at least 1 is needed");
  EXPECT_EQ(refusal(kPrompts, {{{}, {2}}, {{3}, {4}}}), "answers[0].correct: none, at least 1 is needed");
  EXPECT_EQ(refusal(kPrompts, {{{1}, {2}}, {{3}, {}}}), "answers[1].incorrect: none, at least 1 is needed");
  EXPECT_EQ(refusal(kPrompts, {{{1}, {2}}, {{3}, {-1}}}), "answers[1].incorrect[0]: -1, d_vocab is 23 (0-22)");
  EXPECT_EQ(refusal(kPrompts, {}).substr(0, 8), "answers:");
}

TEST(ValidateAttentionTest, NamesTheFieldAndTheBound) {
  AttentionRequest request;
  const auto refusal = [&] { return Refusal(ValidateAttention(TinyConfig(), request)); };
  EXPECT_EQ(refusal(), "prompts: none, at least 1 is needed");
  request.prompts = kPrompts;
  request.layers = {2, 0};
  request.heads = {3, 0};
  EXPECT_EQ(refusal(), "");
  request.layers = {0, 3};
  EXPECT_EQ(refusal(), "layers[1]: 3, model has 3 (0-2)");
  request.layers = {0, 1, 0};
  EXPECT_EQ(refusal(), "layers[2]: 0 is there twice");
  request.layers.clear();
  request.heads = {-1};
  EXPECT_EQ(refusal(), "heads[0]: -1, model has 4 (0-3)");
  request.heads = {1, 1};
  EXPECT_EQ(refusal(), "heads[1]: 1 is there twice");
  request.heads.clear();
  request.mean_pattern = true;
  EXPECT_EQ(refusal(), "mean_pattern: prompts[1] has 2 tokens, prompts[0] has 4; all must be equally long");
}

TEST(ValidateHeadCircuitTest, NamesTheFieldAndTheBound) {
  HeadCircuitRequest request;
  const auto refusal = [&] { return Refusal(ValidateHeadCircuit(TinyConfig(), request)); };
  EXPECT_EQ(refusal(), "prompts: none, at least 1 is needed");
  request.prompts = kPrompts;
  EXPECT_EQ(refusal(), "");
  request.positions.tokens = {9};
  EXPECT_EQ(refusal(), "positions.tokens[0]: prompts[0] has no token 9");
  request.positions.tokens.clear();
  request.sequence = {1, 23};
  EXPECT_EQ(refusal(), "sequence[1]: 23, d_vocab is 23 (0-22)");
  request.sequence = {1, 2, 1};
  EXPECT_EQ(refusal(), "sequence[2]: 1 is there twice");
  request.sequence.clear();
  for (const int top_k : {-1, 0, 1001}) {
    request.top_k = top_k;
    EXPECT_EQ(refusal(), "top_k: " + std::to_string(top_k) + ", must be 1-1000");
  }
}

}  // namespace
}  // namespace circuitd
