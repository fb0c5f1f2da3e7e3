// Scores of edges against gradients and patched runs of TransformerLens's hooks.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "server/circuit/attribution/edge_attribution.h"
#include "server/circuit/edges/edge_scorer.h"
#include "server/graph/edge_order.h"
#include "tests/golden/analysis_golden.h"

namespace circuitd {
namespace {

using nlohmann::json;

constexpr const char* kModel = "seqcont-demo";

AttributionMethod MethodOf(const std::string& name) {
  static const auto& methods =
      *new std::map<std::string, AttributionMethod>{{"eap", AttributionMethod::kEap},
                                                    {"eap_ig_inputs", AttributionMethod::kEapIgInputs},
                                                    {"eap_ig_activations", AttributionMethod::kEapIgActivations}};
  return methods.at(name);
}

// Ranks of senders and receivers by name.
std::map<std::string, int> SenderRanks(const ModelConfig& config) {
  std::map<std::string, int> ranks;
  for (int rank = 0; rank < SenderCount(config); ++rank) ranks[NodeName(SenderOfRank(config, rank))] = rank;
  return ranks;
}
std::map<std::string, int> ReceiverRanks(const ModelConfig& config) {
  std::map<std::string, int> ranks;
  for (int rank = 0; rank < ReceiverCount(config); ++rank) ranks[NodeName(ReceiverOfRank(config, rank))] = rank;
  return ranks;
}

class EdgeScoresGoldenTest : public testing::Test {
 protected:
  void SetUp() override {
    auto golden = LoadAnalysisGolden("edge_scores", kModel);
    ASSERT_TRUE(golden.ok()) << golden.status();
    golden_ = *std::move(golden);
    senders_ = SenderRanks(golden_.model->config());
    receivers_ = ReceiverRanks(golden_.model->config());
  }

  AnalysisGolden golden_;
  std::map<std::string, int> senders_, receivers_;
};

TEST_F(EdgeScoresGoldenTest, MatchTransformerLens) {
  const ModelConfig& config = golden_.model->config();
  ASSERT_EQ(golden_.json["attributions"].size(), 6u);
  for (const json& expected : golden_.json["attributions"]) {
    SCOPED_TRACE(expected["method"].dump() + " " + expected["metric"].dump());
    AttributionOptions options;
    options.method = MethodOf(expected["method"]);
    options.steps = expected["steps"];
    options.runs.metric = MetricOf(expected["metric"]);
    const auto scores = AttributeEdges(*golden_.model, golden_.pairs, options, {});
    ASSERT_TRUE(scores.ok()) << scores.status();

    std::set<std::pair<int, int>> listed;
    double largest = 0, smallest = std::numeric_limits<double>::infinity();
    for (const json& edge : expected["largest"]) largest = std::max(largest, std::abs(edge[2].get<double>()));
    const double tolerance = 2e-5 * largest;
    for (const json& edge : expected["largest"]) {
      const int sender = senders_.at(edge[0]), receiver = receivers_.at(edge[1]);
      const double score = edge[2];
      EXPECT_NEAR(scores->At(receiver, sender), score, tolerance) << edge;
      EXPECT_TRUE(listed.emplace(receiver, sender).second) << edge;
      smallest = std::min(smallest, std::abs(score));
    }
    ASSERT_EQ(listed.size(), 50u);
    ASSERT_EQ(expected["receiver_sums"].size(), receivers_.size());
    for (const auto& [name, receiver] : receivers_) {
      double sum = 0;
      for (int sender = 0; sender < SenderCount(config); ++sender) {
        const double score = scores->At(receiver, sender);
        sum += score;
        if (!listed.contains({receiver, sender})) {
          EXPECT_LE(std::abs(score), smallest + tolerance) << name;
        }
      }
      EXPECT_NEAR(sum, expected["receiver_sums"][name].get<double>(), tolerance) << name;
    }
  }
}

// What integrated gradients promise: all of what the corrupted embedding does is shared out.
TEST_F(EdgeScoresGoldenTest, OfEdgesThatLeaveEmbedSumToTheChangeOfTheLoss) {
  AttributionOptions options;
  options.method = AttributionMethod::kEapIgInputs;
  options.steps = 64;
  const auto scores = AttributeEdges(*golden_.model, golden_.pairs, options, {});
  ASSERT_TRUE(scores.ok()) << scores.status();
  double sum = 0;
  for (const auto& [name, receiver] : receivers_) sum += scores->At(receiver, senders_.at("embed"));

  const Checkpoint none;
  const auto scorer = NewEdgeScorer(*golden_.model, golden_.pairs, options.runs, none);
  ASSERT_TRUE(scorer.ok()) << scorer.status();
  const auto corrupted = (*scorer)->Score(EdgeSet(golden_.model->config()));
  ASSERT_TRUE(corrupted.ok()) << corrupted.status();
  const double change = (*scorer)->model_metric() - *corrupted;  // of the loss, minus the metric
  EXPECT_GT(change, 1);
  EXPECT_NEAR(sum, change, 0.01 * change);
}

TEST_F(EdgeScoresGoldenTest, OfSingleEdgesAreExactlyTheirPatchedRuns) {
  std::map<std::string, EdgeScores> by_metric;
  ASSERT_EQ(golden_.json["exact"].size(), 20u);
  for (const json& expected : golden_.json["exact"]) {
    const std::string metric = expected["metric"];
    if (!by_metric.contains(metric)) {
      AttributionOptions options;
      options.method = AttributionMethod::kExact;
      options.runs.metric = MetricOf(metric);
      auto scores = AttributeEdges(*golden_.model, golden_.pairs, options, {});
      ASSERT_TRUE(scores.ok()) << scores.status();
      by_metric.emplace(metric, *std::move(scores));
    }
    const json& edge = expected["edge"];  // [sender, receiver]
    const double score = by_metric.at(metric).At(receivers_.at(edge[1]), senders_.at(edge[0]));
    EXPECT_NEAR(score, expected["score"].get<double>(), 1e-5) << edge;
  }
}

}  // namespace
}  // namespace circuitd
