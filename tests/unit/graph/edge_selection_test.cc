// Choosing edges by their scores, against searches over all edges that say the rules one by one.
#include "server/graph/edge_selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <random>

#include "server/graph/edge_order.h"
#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::TinyConfig;
using Rule = EdgeSelection::Rule;

// Few different values, so that there are many ties.
EdgeScores RandomScores(uint32_t seed) {
  const ModelConfig config = TinyConfig();
  std::mt19937 random(seed);
  EdgeScores scores(config);
  for (const Edge& edge : EdgeSet::All(config).Edges()) {
    const double score = static_cast<int>(random() % 41) - 20;
    scores.Set(ReceiverRank(config, edge.receiver), SenderRank(config, edge.sender), score);
  }
  return scores;
}

double Worth(const EdgeScores& scores, const EdgeSelection& selection, const Edge& edge) {
  const ModelConfig& config = scores.config();
  const double score = scores.At(ReceiverRank(config, edge.receiver), SenderRank(config, edge.sender));
  return selection.absolute ? std::abs(score) : score;
}

bool IsReached(const EdgeSet& taken, const Node& receiver) {
  if (receiver == Node::Logits()) return true;
  for (const Edge& edge : taken.Edges()) {
    if (edge.sender.kind == receiver.kind && edge.sender.layer == receiver.layer && edge.sender.head == receiver.head) {
      return true;
    }
  }
  return false;
}

// Takes the best edge that may be taken, again and again; the first of equal ones in forward order.
EdgeSet Naive(const EdgeScores& scores, const EdgeSelection& selection) {
  EdgeSet taken(scores.config());
  const std::vector<Edge> all = EdgeSet::All(scores.config()).Edges();
  while (selection.rule == Rule::kThreshold || taken.size() < selection.count) {
    std::optional<Edge> best;
    for (const Edge& edge : all) {
      if (taken.Contains(edge)) continue;
      if (selection.rule == Rule::kGreedy && !IsReached(taken, edge.receiver)) continue;
      if (selection.rule == Rule::kThreshold && Worth(scores, selection, edge) < selection.threshold) continue;
      if (!best || Worth(scores, selection, edge) > Worth(scores, selection, *best)) best = edge;
    }
    if (!best) break;
    taken.Set(*best, true);
  }
  return taken;
}

TEST(EdgeSelectionTest, TakesTheEdgesOfTheHighestScores) {
  for (const bool absolute : {true, false}) {
    for (const int64_t count : {0, 1, 2, 7, 40, 199}) {
      const EdgeScores scores = RandomScores(static_cast<uint32_t>(count));
      const EdgeSelection selection{Rule::kTopK, count, 0, absolute};
      EXPECT_EQ(SelectEdges(scores, selection).Edges(), Naive(scores, selection).Edges()) << count;
      EXPECT_EQ(SelectEdges(scores, selection).size(), count);
    }
  }
}

TEST(EdgeSelectionTest, TakesEdgesFromTheThresholdOn) {
  for (const bool absolute : {true, false}) {
    for (const double threshold : {-3.0, 0.0, 10.0, 10.5, 21.0}) {
      const EdgeScores scores = RandomScores(5);
      const EdgeSelection selection{Rule::kThreshold, 0, threshold, absolute};
      EXPECT_EQ(SelectEdges(scores, selection).Edges(), Naive(scores, selection).Edges()) << threshold;
    }
  }
  EXPECT_THAT(SelectEdges(RandomScores(5), {Rule::kThreshold, 0, 21.0, true}).Edges(), IsEmpty());
}

TEST(EdgeSelectionTest, GrowsConnectedCircuitsFromTheLogitsDown) {
  for (const bool absolute : {true, false}) {
    for (const int64_t count : {0, 1, 2, 7, 40, 199}) {
      const EdgeScores scores = RandomScores(static_cast<uint32_t>(100 + count));
      const EdgeSelection selection{Rule::kGreedy, count, 0, absolute};
      const EdgeSet selected = SelectEdges(scores, selection);
      EXPECT_EQ(selected.Edges(), Naive(scores, selection).Edges()) << count;
      EXPECT_EQ(selected.size(), count);
      EXPECT_EQ(WithoutDangling(selected, /*from_embed=*/false).size(), count);
    }
  }
}

TEST(EdgeSelectionTest, GivesAllEdgesWhereMoreAreAskedFor) {
  const EdgeScores scores = RandomScores(3);
  for (const Rule rule : {Rule::kTopK, Rule::kGreedy}) {
    EXPECT_EQ(SelectEdges(scores, {rule, int64_t{1} << 40, 0, true}), EdgeSet::All(TinyConfig()));
  }
}

TEST(EdgeSelectionTest, BreaksTiesByReceiverAndThenBySender) {
  const ModelConfig config = TinyConfig();
  EdgeScores scores(config);
  const auto names = [&](Rule rule, int64_t count) {
    std::vector<std::string> result;
    for (const Edge& edge : SelectEdges(scores, {rule, count, 0, true}).Edges()) result.push_back(EdgeName(edge));
    return result;
  };
  EXPECT_THAT(names(Rule::kTopK, 2), ElementsAre("embed->A0.0.q", "embed->A0.1.q"));
  // A0.0 sends to the logits by the second edge, and its own inputs come before these.
  EXPECT_THAT(names(Rule::kGreedy, 3), ElementsAre("embed->A0.0.q", "embed->logits", "A0.0->logits"));
}

TEST(EdgeSelectionTest, LeavesSignsOnlyWhereAsked) {
  const ModelConfig config = TinyConfig();
  EdgeScores scores(config);
  const Edge bad{Node::Head(0, 1), Node::Logits()}, good{Node::Mlp(1), Node::Logits()};
  scores.Set(ReceiverRank(config, bad.receiver), SenderRank(config, bad.sender), -2);
  scores.Set(ReceiverRank(config, good.receiver), SenderRank(config, good.sender), 1);
  EXPECT_THAT(SelectEdges(scores, {Rule::kTopK, 1, 0, true}).Edges(), ElementsAre(bad));
  EXPECT_THAT(SelectEdges(scores, {Rule::kTopK, 1, 0, false}).Edges(), ElementsAre(good));
  EXPECT_THAT(SelectEdges(scores, {Rule::kThreshold, 0, 1, true}).Edges(), ElementsAre(bad, good));
  EXPECT_THAT(SelectEdges(scores, {Rule::kThreshold, 0, 1, false}).Edges(), ElementsAre(good));
}

}  // namespace
}  // namespace circuitd
