#include "server/graph/node_names.h"

#include "gtest/gtest.h"
#include "tests/unit/graph/small_graphs.h"

namespace circuitd {
namespace {

TEST(NodeNamesTest, ReadBackWhatTheyName) {
  const ModelConfig config = GraphConfig(12, 11);
  for (int rank = 0; rank < SenderCount(config); ++rank) {
    const Node node = SenderOfRank(config, rank);
    EXPECT_EQ(ParseNodeName(NodeName(node)), node);
    EXPECT_EQ(ParseEapNodeName(EapNodeName(node)), node);
  }
  for (int rank = 0; rank < ReceiverCount(config); ++rank) {
    const Node node = ReceiverOfRank(config, rank);
    EXPECT_EQ(ParseNodeName(NodeName(node)), node);
    EXPECT_EQ(ParseEapNodeName(EapNodeName(node)), node);
  }
}

TEST(NodeNamesTest, SpellEdgesAsEapIgDoes) {
  const Edge edge = {Node::Head(5, 1), Node::Head(7, 11, Node::Input::kQ)};
  EXPECT_EQ(EapEdgeName(edge), "a5.h1->a7.h11<q>");
  EXPECT_EQ(ParseEapEdgeName("a5.h1->a7.h11<q>"), edge);
  EXPECT_EQ(ParseEapEdgeName("input->logits"), (Edge{Node::Embed(), Node::Logits()}));
}

TEST(NodeNamesTest, AreNoOtherText) {
  for (const char* name : {"",           "A",
                           "A5",         "A5.",
                           "A.1",        "A05.1",
                           "A5.01",      "A5.1.",
                           "A5.1.Q",     "A5.1.qk",
                           "A-1.2",      "A5.1 ",
                           " A5.1",      "M",
                           "M01",        "M1.0",
                           "M+1",        "m1",
                           "a5.1",       "A5,1",
                           "A9999999.1", "A99999999999999999999.1",
                           "Embed",      "logits0",
                           "A5.1.q.q"}) {
    EXPECT_EQ(ParseNodeName(name), std::nullopt) << name;
  }
  for (const char* name : {"", "a5", "a5.1", "a5.h", "a5.h1<", "a5.h1<q", "a5.h1q>", "a5.h1<>", "a5.h1<x>", "A5.h1",
                           "m", "m1<q>", "embed", "a05.h1"}) {
    EXPECT_EQ(ParseEapNodeName(name), std::nullopt) << name;
  }
  for (const char* name : {"", "->", "m0", "m0->", "->m0", "m0->m1->m2", "m0>m1", "m0 -> m1"}) {
    EXPECT_EQ(ParseEapEdgeName(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace circuitd
