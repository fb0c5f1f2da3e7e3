// Activation patching sweeps against TransformerLens's, on prompts of two lengths.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "server/patching/patching_sweep.h"
#include "tests/golden/analysis_golden.h"

namespace circuitd {
namespace {

using nlohmann::json;

SweepRequest RequestOf(const json& sweep, const PromptPairs& pairs) {
  SweepRequest request;
  request.pairs = pairs;
  request.direction = sweep["direction"] == "noising" ? PatchingDirection::kNoising : PatchingDirection::kDenoising;
  request.metric = MetricOf(sweep["metric"]);
  for (const auto& [hook, grid] : sweep["grids"].items()) {
    const auto kind = ParseLayerHookKind(hook);
    EXPECT_TRUE(kind.ok()) << kind.status();
    request.hooks.push_back(*kind);
  }
  return request;
}

// Mean over the prompts that have the column: the numbers of each group of `prompts` that are not NaN.
std::vector<double> MeansOfGroups(const std::vector<double>& per_prompt, size_t prompts) {
  std::vector<double> means;
  for (size_t begin = 0; begin < per_prompt.size(); begin += prompts) {
    double sum = 0;
    int count = 0;
    for (size_t i = begin; i < begin + prompts; ++i) {
      if (per_prompt[i] != per_prompt[i]) continue;
      sum += per_prompt[i];
      ++count;
    }
    means.push_back(sum / count);
  }
  return means;
}

void ExpectSameSweep(const json& expected, const SweepRequest& request, const SweepResult& result,
                     const std::string& name) {
  ExpectNumbers(name + " clean", result.clean, Flatten(expected["clean"]));
  ExpectNumbers(name + " corrupted", result.corrupted, Flatten(expected["corrupted"]));
  ASSERT_EQ(result.grids.size(), request.hooks.size());
  for (size_t i = 0; i < result.grids.size(); ++i) {
    const SweepGrid& grid = result.grids[i];
    const std::string hook = HookKindName(grid.hook);
    ASSERT_EQ(grid.hook, request.hooks[i]);
    const json& numbers = expected["grids"][hook];
    EXPECT_EQ(grid.layers.size(), numbers.size()) << hook;
    EXPECT_EQ(grid.columns.size(), numbers[0].size()) << hook;
    const std::vector<double> per_prompt = Flatten(numbers);
    ExpectNumbers(absl::StrCat(name, " ", hook), grid.per_prompt, per_prompt);
    ExpectNumbers(absl::StrCat(name, " ", hook, " mean"), grid.mean, MeansOfGroups(per_prompt, request.pairs.size()));
  }
}

class SweepGoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(SweepGoldenTest, MatchesTransformerLens) {
  const auto golden = LoadAnalysisGolden("patching", GetParam());
  ASSERT_TRUE(golden.ok()) << golden.status();
  ASSERT_FALSE(golden->json["sweeps"].empty());
  for (const json& sweep : golden->json["sweeps"]) {
    const SweepRequest request = RequestOf(sweep, golden->pairs);
    const std::string name =
        absl::StrCat(sweep["direction"].get<std::string>(), " ", sweep["metric"].get<std::string>());
    const absl::Status valid = ValidateSweep(golden->model->config(), request);
    ASSERT_TRUE(valid.ok()) << name << ": " << valid;
    const auto result = RunSweep(*golden->model, request, {}, nullptr);
    ASSERT_TRUE(result.ok()) << name << ": " << result.status();
    ExpectSameSweep(sweep, request, *result, name);
  }
}

TEST(PlainSweepGoldenTest, MatchesTransformerLens) {
  const auto golden = LoadAnalysisGolden("patching", "seqcont-demo");
  ASSERT_TRUE(golden.ok()) << golden.status();
  const json& sweep = golden->json["sweeps"][0];
  const SweepRequest request = RequestOf(sweep, golden->pairs);
  const auto result = RunSweepPlainly(*golden->model, request, {});
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectSameSweep(sweep, request, *result, "plainly");
}

// Layers and positions that are chosen, one of them from the end: the numbers of the whole grid.
TEST_P(SweepGoldenTest, MatchesTransformerLensOnChosenLayersAndPositions) {
  const auto golden = LoadAnalysisGolden("patching", GetParam());
  ASSERT_TRUE(golden.ok()) << golden.status();
  const json& sweep = golden->json["sweeps"][0];
  SweepRequest request;
  request.pairs = golden->pairs;
  request.hooks = {HookKind::kAttnOut};
  request.layers = {3, 0};
  request.positions = {-1, 3};
  const auto result = RunSweep(*golden->model, request, {}, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  std::vector<double> expected;
  for (const int layer : request.layers) {
    const json& row = sweep["grids"]["hook_attn_out"][layer];
    for (size_t i = 0; i < request.pairs.size(); ++i) expected.push_back(row[request.pairs[i].clean.size() - 1][i]);
    for (size_t i = 0; i < request.pairs.size(); ++i) expected.push_back(row[3][i]);
  }
  ASSERT_EQ(result->grids.size(), 1u);
  EXPECT_EQ(result->grids[0].layers, request.layers);
  EXPECT_EQ(result->grids[0].columns, request.positions);
  ExpectNumbers("chosen", result->grids[0].per_prompt, expected);
}

INSTANTIATE_TEST_SUITE_P(Models, SweepGoldenTest, testing::ValuesIn(AnalysisModels()), ModelTestName);

}  // namespace
}  // namespace circuitd
