// Scores of random node sets of seqcont-4l, under both definitions of the means.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "server/circuit/engine/fast_node_scorer.h"
#include "server/circuit/plain_node_scorer.h"
#include "tests/golden/golden_files.h"

namespace circuitd {
namespace {

template <typename Scorer>
void CheckScores(const Gpt2& network, const PromptPairs& pairs, const NodePruningOptions& options,
                 const nlohmann::json& golden) {
  const Checkpoint checkpoint;
  const auto scorer = Scorer::Create(network, pairs, options, checkpoint);
  ASSERT_TRUE(scorer.ok()) << scorer.status();
  EXPECT_NEAR((*scorer)->full_logit_diff(), golden["full_logit_diff"], 1e-4);
  for (const nlohmann::json& set : golden["sets"]) {
    NodeSet circuit;
    for (const nlohmann::json& head : set["heads"]) circuit.insert(Node::Head(head[0], head[1]));
    for (const nlohmann::json& mlp : set["mlps"]) circuit.insert(Node::Mlp(mlp));
    const auto score = (*scorer)->Score(circuit);
    ASSERT_TRUE(score.ok()) << score.status();
    EXPECT_NEAR(*score, set[options.means == MlpMeans::kSeqcont ? "score_seqcont" : "score_clean"].get<double>(), 1e-3);
  }
}

class SharedScoresTest : public testing::TestWithParam<std::string> {};

TEST_P(SharedScoresTest, MatchTheReference) {
  const auto folder = SharedPath("models/seqcont-4l");
  ASSERT_TRUE(folder.ok()) << folder.status();
  const auto path = SharedPath(absl::StrCat("golden/node_scores_", GetParam(), ".json"));
  ASSERT_TRUE(path.ok()) << path.status();
  const auto json = ReadJson(*path);
  ASSERT_TRUE(json.ok()) << json.status();
  const auto model = LoadFolder(*folder);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto pairs = ReadPublishedPrompts(**model, GetParam(), (*json)["num_samples_per_variant"]);
  ASSERT_TRUE(pairs.ok()) << pairs.status();

  ASSERT_FALSE((*json)["sets"].empty());
  for (const MlpMeans means : {MlpMeans::kSeqcont, MlpMeans::kClean}) {
    NodePruningOptions options;
    options.means = means;
    CheckScores<PlainNodeScorer>((*model)->network(), *pairs, options, *json);
    CheckScores<FastNodeScorer>((*model)->network(), *pairs, options, *json);
  }
}

INSTANTIATE_TEST_SUITE_P(Tasks, SharedScoresTest, testing::Values("numerals", "numwords", "months"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace circuitd
