// Evaluations of node circuits of seqcont-4l have the scores of the reference.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/circuit/evaluation/evaluation.h"
#include "tests/golden/golden_files.h"

namespace circuitd {
namespace {

class SharedEvaluationTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto folder = SharedPath("models/seqcont-4l");
    ASSERT_TRUE(folder.ok()) << folder.status();
    const auto path = SharedPath(absl::StrCat("golden/node_scores_", GetParam(), ".json"));
    ASSERT_TRUE(path.ok()) << path.status();
    const auto json = ReadJson(*path);
    ASSERT_TRUE(json.ok()) << json.status();
    golden_ = *json;
    const auto model = LoadFolder(*folder);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *model;
    auto pairs = ReadPublishedPrompts(*model_, GetParam(), golden_["num_samples_per_variant"]);
    ASSERT_TRUE(pairs.ok()) << pairs.status();
    request_.tasks = {{GetParam(), *std::move(pairs)}};
    request_.options.random_circuits = 0;
  }

  // The first `count` sets.
  void TakeSets(size_t count) {
    ASSERT_GE(golden_["sets"].size(), count);
    request_.circuits.clear();
    for (size_t i = 0; i < count; ++i) {
      NodeSet nodes;
      for (const nlohmann::json& head : golden_["sets"][i]["heads"]) nodes.insert(Node::Head(head[0], head[1]));
      for (const nlohmann::json& mlp : golden_["sets"][i]["mlps"]) nodes.insert(Node::Mlp(mlp));
      request_.circuits.push_back({absl::StrCat("set ", i), {std::move(nodes), std::nullopt}, {}});
    }
  }

  std::vector<CircuitOnTask> Cells() {
    const auto result = Evaluate(*model_, request_, {});
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? result->cells : std::vector<CircuitOnTask>(request_.circuits.size());
  }

  std::shared_ptr<const Model> model_;
  nlohmann::json golden_;
  EvaluationRequest request_;
};

TEST_P(SharedEvaluationTest, ScoresNodeCircuitsAsTheReferenceDoes) {
  TakeSets(6);
  for (const MlpMeans means : {MlpMeans::kSeqcont, MlpMeans::kClean}) {
    request_.options.means = means;
    const char* score = means == MlpMeans::kSeqcont ? "score_seqcont" : "score_clean";
    const std::vector<CircuitOnTask> cells = Cells();
    for (size_t i = 0; i < cells.size(); ++i) {
      EXPECT_NEAR(cells[i].model_metric, golden_["full_logit_diff"], 1e-4);
      EXPECT_NEAR(cells[i].score.value_or(-1), golden_["sets"][i][score].get<double>(), 1e-3) << score << " " << i;
    }
  }
}

// With the answers swapped the logit difference is negative, and edge-masked runs judge.
TEST_P(SharedEvaluationTest, ScoresThemTheSameInEdgeMaskedRuns) {
  TakeSets(2);
  request_.options.means = MlpMeans::kClean;
  for (PromptPair& pair : request_.tasks[0].pairs) std::swap(pair.correct, pair.incorrect);
  const std::vector<CircuitOnTask> cells = Cells();
  for (size_t i = 0; i < cells.size(); ++i) {
    EXPECT_FALSE(cells[i].score.has_value());
    EXPECT_NEAR(100 * cells[i].circuit_metric / cells[i].model_metric, golden_["sets"][i]["score_clean"].get<double>(),
                1e-3);
  }
}

INSTANTIATE_TEST_SUITE_P(Tasks, SharedEvaluationTest, testing::Values("numerals", "numwords", "months"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace circuitd
