// Direct logit attribution against TransformerLens's activations and weights.
#include "server/readings/logit_attribution.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/golden/analysis_golden.h"

namespace circuitd {
namespace {

using nlohmann::json;

// As the golden file calls it.
std::string NameOf(const Component& component) {
  switch (component.kind) {
    case Component::Kind::kEmbed:
      return "embed";
    case Component::Kind::kPosEmbed:
      return "pos_embed";
    case Component::Kind::kHead:
      return absl::StrCat("A", component.layer, ".", component.head);
    case Component::Kind::kAttentionBias:
      return absl::StrCat("b_O", component.layer);
    case Component::Kind::kMlp:
      return absl::StrCat("M", component.layer);
    case Component::Kind::kLnFinalBias:
      return "ln_final.b";
  }
  return "";
}

class LogitAttributionGoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(LogitAttributionGoldenTest, MatchesTransformerLens) {
  const auto golden = LoadAnalysisGolden("readings", GetParam());
  ASSERT_TRUE(golden.ok()) << golden.status();
  const json& expected = golden->json["logit_attribution"];
  const std::vector<std::vector<int>> prompts = CleanPrompts(golden->pairs);
  const std::vector<Answer> answers = Answers(golden->pairs);
  const absl::Status valid = ValidateLogitAttribution(golden->model->config(), prompts, answers);
  ASSERT_TRUE(valid.ok()) << valid;
  const auto result = AttributeLogits(*golden->model, prompts, answers, {});
  ASSERT_TRUE(result.ok()) << result.status();

  std::vector<std::string> names;
  for (const Component& component : AllComponents(golden->model->config())) names.push_back(NameOf(component));
  EXPECT_EQ(names, expected["components"].get<std::vector<std::string>>());
  ExpectNumbers("logit_diff", result->logit_diff, Flatten(expected["logit_diff"]));
  ExpectNumbers("per prompt", result->per_prompt, Flatten(expected["per_prompt"]));
  std::vector<double> means;
  for (const json& component : expected["per_prompt"]) {
    double sum = 0;
    for (const json& value : component) sum += value.get<double>();
    means.push_back(sum / static_cast<double>(component.size()));
  }
  ExpectNumbers("mean", result->mean, means);
}

INSTANTIATE_TEST_SUITE_P(Models, LogitAttributionGoldenTest, testing::ValuesIn(AnalysisModels()), ModelTestName);

}  // namespace
}  // namespace circuitd
