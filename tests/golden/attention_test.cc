// Attention patterns and the scores of heads, against transformers' patterns and plain loops over them.
#include "server/readings/attention.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "absl/strings/str_cat.h"
#include "tests/golden/analysis_golden.h"

namespace circuitd {
namespace {

using nlohmann::json;

class AttentionGoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(AttentionGoldenTest, MatchesTransformers) {
  const auto golden = LoadAnalysisGolden("readings", GetParam());
  ASSERT_TRUE(golden.ok()) << golden.status();
  ASSERT_FALSE(golden->json["attention"].empty());
  for (const json& expected : golden->json["attention"]) {
    AttentionRequest request;
    request.prompts = expected["prompts"].get<std::vector<std::vector<int>>>();
    request.layers = expected["layers"].get<std::vector<int>>();
    request.heads = expected["heads"].get<std::vector<int>>();
    request.patterns = request.attn_scores = request.mean_pattern = expected.contains("patterns");
    const absl::Status valid = ValidateAttention(golden->model->config(), request);
    ASSERT_TRUE(valid.ok()) << valid;

    std::map<std::string, HostTensor> tensors;
    const auto scores = ReadAttention(*golden->model, request, {}, [&](std::string name, HostTensor tensor) {
      EXPECT_TRUE(tensors.emplace(name, std::move(tensor)).second) << name;
      return absl::OkStatus();
    });
    ASSERT_TRUE(scores.ok()) << scores.status();
    EXPECT_EQ(scores->layers, request.layers);
    EXPECT_EQ(scores->heads, request.heads);
    ExpectNumbers("previous_token", scores->previous_token, Flatten(expected["previous_token"]));
    ExpectNumbers("duplicate_token", scores->duplicate_token, Flatten(expected["duplicate_token"]));
    ExpectNumbers("induction", scores->induction, Flatten(expected["induction"]));

    EXPECT_EQ(tensors.size(), request.patterns ? 2 * request.prompts.size() + 1 : 0);
    if (!request.patterns) continue;
    const auto length = static_cast<int64_t>(request.prompts[0].size());
    const std::vector<int64_t> shape = {static_cast<int64_t>(request.layers.size()),
                                        static_cast<int64_t>(request.heads.size()), length, length};
    const auto expect = [&](const std::string& name, const json& numbers, double null) {
      ASSERT_EQ(tensors.count(name), 1u) << name;
      EXPECT_EQ(tensors[name].shape, shape) << name;
      ExpectNumbers(name, Elements(tensors[name]), Flatten(numbers, null));
    };
    for (size_t i = 0; i < request.prompts.size(); ++i) {
      expect(absl::StrCat("pattern/", i), expected["patterns"][i], 0);
      expect(absl::StrCat("attn_scores/", i), expected["attn_scores"][i], -std::numeric_limits<double>::infinity());
    }
    expect("pattern/mean", expected["mean_pattern"], 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, AttentionGoldenTest, testing::ValuesIn(AnalysisModels()), ModelTestName);

}  // namespace
}  // namespace circuitd
