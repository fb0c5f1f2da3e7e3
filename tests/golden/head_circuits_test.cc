// OV and QK scores against plain torch, position by position and head by head.
#include "server/readings/head_circuits.h"

#include <gtest/gtest.h>

#include "tests/golden/analysis_golden.h"

namespace circuitd {
namespace {

using nlohmann::json;

HeadCircuitRequest RequestOf(const json& expected, const PromptPairs& pairs) {
  PromptPairs chosen;
  for (const json& index : expected["pairs"]) chosen.push_back(pairs[index.get<size_t>()]);
  HeadCircuitRequest request;
  request.prompts = CleanPrompts(chosen);
  request.roles = Roles(chosen);
  request.positions.roles = expected["roles"].get<std::vector<std::string>>();
  request.sequence = expected["sequence"].get<std::vector<int>>();
  return request;
}

class HeadCircuitsGoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(HeadCircuitsGoldenTest, HaveTheOvScoresOfPlainTorch) {
  const auto golden = LoadAnalysisGolden("readings", GetParam());
  ASSERT_TRUE(golden.ok()) << golden.status();
  ASSERT_FALSE(golden->json["ov"].empty());
  for (const json& expected : golden->json["ov"]) {
    HeadCircuitRequest request = RequestOf(expected, golden->pairs);
    request.top_k = expected["top_k"];
    const absl::Status valid = ValidateHeadCircuit(golden->model->config(), request);
    ASSERT_TRUE(valid.ok()) << valid;
    const auto scores = ScoreOv(*golden->model, request, {});
    ASSERT_TRUE(scores.ok()) << scores.status();
    ExpectNumbers("copy", scores->copy, Flatten(expected["copy"]));
    ExpectNumbers("next", scores->next, Flatten(expected["next"]));
    EXPECT_EQ(scores->position_count, expected["position_count"].get<uint64_t>());
    EXPECT_EQ(scores->member_count, expected["member_count"].get<uint64_t>());
  }
}

TEST_P(HeadCircuitsGoldenTest, HaveTheQkScoresOfPlainTorch) {
  const auto golden = LoadAnalysisGolden("readings", GetParam());
  ASSERT_TRUE(golden.ok()) << golden.status();
  ASSERT_FALSE(golden->json["qk"].empty());
  for (const json& expected : golden->json["qk"]) {
    const HeadCircuitRequest request = RequestOf(expected, golden->pairs);
    const auto scores = ScoreQk(*golden->model, request, {});
    ASSERT_TRUE(scores.ok()) << scores.status();
    EXPECT_EQ(scores->members, expected["members"].get<std::vector<int>>());
    ExpectNumbers("scores", Elements(scores->scores), Flatten(expected["scores"]));
    ExpectNumbers("same", scores->same, Flatten(expected["same"]));
    ExpectNumbers("previous", scores->previous, Flatten(expected["previous"]));
  }
}

INSTANTIATE_TEST_SUITE_P(Models, HeadCircuitsGoldenTest, testing::ValuesIn(AnalysisModels()), ModelTestName);

}  // namespace
}  // namespace circuitd
