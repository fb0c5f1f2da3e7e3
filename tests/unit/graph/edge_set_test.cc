#include "server/graph/edge_set.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/graph/small_graphs.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Node Whole(Node receiver) {
  receiver.input = Node::Input::kNone;
  return receiver;
}

bool IsNode(const Node& node) { return node.is_head() || node.is_mlp(); }

TEST(EdgeSetTest, CountsWhatItContains) {
  EdgeSet edges(GraphConfig(2, 2));
  const Edge edge = {Node::Mlp(0), Node::Logits()};
  edges.Set(edge, true);
  edges.Set(edge, true);
  EXPECT_EQ(edges.size(), 1);
  EXPECT_TRUE(edges.Contains(edge));
  EXPECT_TRUE(edges.Contains(ReceiverRank(edges.config(), edge.receiver), SenderRank(edges.config(), edge.sender)));
  edges.Set(edge, false);
  edges.Set(edge, false);
  EXPECT_EQ(edges.size(), 0);
  EXPECT_EQ(edges, EdgeSet(GraphConfig(2, 2)));
}

TEST(EdgeSetTest, ListsByReceiverThenSender) {
  EdgeSet edges(GraphConfig(2, 2));
  edges.Set({Node::Mlp(0), Node::Logits()}, true);
  edges.Set({Node::Head(0, 1), Node::Logits()}, true);
  edges.Set({Node::Embed(), Node::Head(0, 1, Node::Input::kQ)}, true);
  EXPECT_THAT(Names(edges), ElementsAre("embed->A0.1.q", "A0.1->logits", "M0->logits"));
  EXPECT_EQ(edges.Nodes(), (NodeSet{Node::Head(0, 1), Node::Mlp(0)}));
}

TEST(EdgeSetTest, AllAreAllThatTheModelHas) {
  for (const ModelConfig& config : {GraphConfig(1, 1), GraphConfig(3, 4), GraphConfig(12, 12)}) {
    EXPECT_EQ(EdgeSet::All(config).size(), EdgeCount(config));
    for (const Edge& edge : EdgeSet::All(config).Edges()) ASSERT_TRUE(ValidateEdge(config, edge).ok());
    EXPECT_EQ(EdgeSet::All(config).Nodes(), AllNodes(config));
  }
}

TEST(EdgeSetTest, LeavingOnlyAndAmongAskForEndsAmongTheNodes) {
  const ModelConfig config = GraphConfig(3, 2);
  std::mt19937 random(1);
  for (int trial = 0; trial < 20; ++trial) {
    NodeSet nodes;
    for (const Node& node : AllNodes(config)) {
      if (random() % 2) nodes.insert(node);
    }
    EdgeSet leaving(config), among(config);
    for (const Edge& edge : EdgeSet::All(config).Edges()) {
      const bool leaves = !IsNode(edge.sender) || nodes.contains(edge.sender);
      leaving.Set(edge, leaves);
      among.Set(edge, leaves && (!IsNode(edge.receiver) || nodes.contains(Whole(edge.receiver))));
    }
    EXPECT_EQ(Names(EdgeSet::LeavingOnly(config, nodes)), Names(leaving));
    EXPECT_EQ(Names(EdgeSet::Among(config, nodes)), Names(among));
  }
}

// Takes dangling edges one at a time until there are none.
EdgeSet NaiveWithoutDangling(EdgeSet edges, bool from_embed) {
  for (bool changed = true; changed;) {
    changed = false;
    std::set<Node> heard, reached;
    for (const Edge& edge : edges.Edges()) {
      heard.insert(edge.sender);
      reached.insert(Whole(edge.receiver));
    }
    for (const Edge& edge : edges.Edges()) {
      const bool to_nowhere = edge.receiver != Node::Logits() && !heard.contains(Whole(edge.receiver));
      const bool from_nowhere = from_embed && edge.sender != Node::Embed() && !reached.contains(edge.sender);
      if (!to_nowhere && !from_nowhere) continue;
      edges.Set(edge, false);
      changed = true;
      break;
    }
  }
  return edges;
}

TEST(WithoutDanglingTest, IsTheFixpointOfTakingOneEdgeAfterAnother) {
  std::mt19937 random(2);
  int smaller = 0;
  for (const ModelConfig& config : {GraphConfig(1, 1), GraphConfig(2, 2), GraphConfig(4, 2)}) {
    for (const double probability : {0.02, 0.1, 0.3}) {
      for (int trial = 0; trial < 20; ++trial) {
        const EdgeSet edges = RandomEdges(config, probability, random);
        for (const bool from_embed : {false, true}) {
          const EdgeSet without = WithoutDangling(edges, from_embed);
          EXPECT_EQ(Names(without), Names(NaiveWithoutDangling(edges, from_embed)));
          EXPECT_EQ(without, WithoutDangling(without, from_embed));
          smaller += without.size() && without.size() < edges.size();
        }
      }
    }
  }
  EXPECT_GT(smaller, 20);
}

TEST(WithoutDanglingTest, KeepsAllEdgesOfAWholeModel) {
  const EdgeSet all = EdgeSet::All(GraphConfig(3, 3));
  EXPECT_EQ(WithoutDangling(all, true), all);
}

TEST(WithoutDanglingTest, ReachesAHeadByAnyOfItsInputs) {
  EdgeSet edges(GraphConfig(2, 1));
  edges.Set({Node::Embed(), Node::Head(0, 0, Node::Input::kK)}, true);
  edges.Set({Node::Head(0, 0), Node::Logits()}, true);
  EXPECT_EQ(WithoutDangling(edges, true), edges);
}

TEST(WithoutDanglingTest, KeepsWhatNothingReachesUnlessAsked) {
  EdgeSet edges(GraphConfig(2, 1));
  edges.Set({Node::Head(0, 0), Node::Mlp(1)}, true);
  edges.Set({Node::Mlp(1), Node::Logits()}, true);
  EXPECT_EQ(WithoutDangling(edges, false), edges);
  EXPECT_THAT(Names(WithoutDangling(edges, true)), IsEmpty());
}

TEST(EdgeScoresTest, HoldsANumberForEachEdge) {
  const ModelConfig config = GraphConfig(2, 2);
  EdgeScores scores(config);
  scores.Set(3, 0, -1.5);
  EXPECT_EQ(scores.At(3, 0), -1.5);
  EXPECT_EQ(scores.At(0, 0), 0);
  EXPECT_EQ(scores.values().size(), size_t(ReceiverCount(config)) * SenderCount(config));
  EXPECT_EQ(scores.values()[3 * SenderCount(config)], -1.5);
}

}  // namespace
}  // namespace circuitd
