// The logit lens against the hidden states of Hugging Face transformers.
#include "server/readings/logit_lens.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/golden/analysis_golden.h"

namespace circuitd {
namespace {

using nlohmann::json;

class LogitLensGoldenTest : public testing::TestWithParam<std::string> {};

void ExpectSamePosition(const LensPosition& actual, const json& expected) {
  ASSERT_EQ(actual.position, expected["position"].get<int>());
  ASSERT_EQ(actual.layers.size(), expected["top"].size());
  std::vector<int> top;
  std::vector<double> top_logits, logits, log_probs;
  for (const PromptLogits& layer : actual.layers) {
    for (const TokenLogit& entry : layer.top) {
      top.push_back(entry.token);
      top_logits.push_back(entry.logit);
    }
    for (const TokenLogit& entry : layer.chosen) {
      logits.push_back(entry.logit);
      log_probs.push_back(entry.log_prob);
    }
  }
  const std::vector<double> expected_top = Flatten(expected["top"]);
  EXPECT_EQ(std::vector<double>(top.begin(), top.end()), expected_top);
  ExpectNumbers("top logits", top_logits, Flatten(expected["top_logits"]));
  ExpectNumbers("logits", logits, Flatten(expected["chosen_logits"]));
  ExpectNumbers("log probs", log_probs, Flatten(expected["chosen_log_probs"]));
}

TEST_P(LogitLensGoldenTest, MatchesTransformers) {
  const auto golden = LoadAnalysisGolden("readings", GetParam());
  ASSERT_TRUE(golden.ok()) << golden.status();
  ASSERT_FALSE(golden->json["logit_lens"].empty());
  for (const json& expected : golden->json["logit_lens"]) {
    LogitLensRequest request;
    request.prompts = CleanPrompts(golden->pairs);
    request.roles = Roles(golden->pairs);
    request.answers = Answers(golden->pairs);
    request.positions = PositionSelector{{-1}, {}, {"last_member"}};
    request.skip_ln_final = expected["skip_ln_final"];
    request.top_k = golden->json["top_k"];
    request.chosen_tokens = golden->json["chosen_tokens"].get<std::vector<int>>();
    const absl::Status valid = ValidateLogitLens(golden->model->config(), request);
    ASSERT_TRUE(valid.ok()) << valid;
    const auto prompts = RunLogitLens(*golden->model, request, {});
    ASSERT_TRUE(prompts.ok()) << prompts.status();

    ASSERT_EQ(prompts->size(), expected["prompts"].size());
    for (size_t i = 0; i < prompts->size(); ++i) {
      SCOPED_TRACE(absl::StrCat("prompt ", i, request.skip_ln_final ? " without" : " with", " ln_final"));
      const LensPrompt& actual = (*prompts)[i];
      const json& prompt = expected["prompts"][i];
      ExpectNumbers("logit_diff", actual.logit_diff, Flatten(prompt["logit_diff"]));
      EXPECT_EQ(actual.handover.has_value(), !prompt["handover"].is_null());
      if (actual.handover.has_value()) {
        EXPECT_EQ(*actual.handover, prompt["handover"].get<int>());
      }
      ASSERT_EQ(actual.positions.size(), prompt["positions"].size());
      for (size_t p = 0; p < actual.positions.size(); ++p) {
        ExpectSamePosition(actual.positions[p], prompt["positions"][p]);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, LogitLensGoldenTest, testing::ValuesIn(AnalysisModels()), ModelTestName);

}  // namespace
}  // namespace circuitd
