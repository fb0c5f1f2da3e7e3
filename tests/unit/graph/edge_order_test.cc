#include "server/graph/edge_order.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/graph/edge.h"
#include "tests/unit/graph/small_graphs.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;

TEST(EdgeOrderTest, SendersAreInForwardOrder) {
  const ModelConfig config = GraphConfig(2, 2);
  std::vector<std::string> names;
  for (int rank = 0; rank < SenderCount(config); ++rank) names.push_back(NodeName(SenderOfRank(config, rank)));
  EXPECT_THAT(names, ElementsAre("embed", "A0.0", "A0.1", "M0", "A1.0", "A1.1", "M1"));
}

TEST(EdgeOrderTest, ReceiversAreInForwardOrder) {
  const ModelConfig config = GraphConfig(1, 2);
  std::vector<std::string> names;
  for (int rank = 0; rank < ReceiverCount(config); ++rank) names.push_back(NodeName(ReceiverOfRank(config, rank)));
  EXPECT_THAT(names, ElementsAre("A0.0.q", "A0.1.q", "A0.0.k", "A0.1.k", "A0.0.v", "A0.1.v", "M0", "logits"));
}

TEST(EdgeOrderTest, RanksAndNodesAreInverse) {
  for (const ModelConfig& config : {GraphConfig(1, 1), GraphConfig(3, 5), GraphConfig(12, 12)}) {
    for (int rank = 0; rank < SenderCount(config); ++rank) {
      EXPECT_EQ(SenderRank(config, SenderOfRank(config, rank)), rank);
    }
    for (int rank = 0; rank < ReceiverCount(config); ++rank) {
      EXPECT_EQ(ReceiverRank(config, ReceiverOfRank(config, rank)), rank);
    }
  }
}

// As words have it: of the layers below, and for an MLP and the logits of the heads of its layer, too.
bool IsBelow(const Node& sender, const Node& receiver) {
  if (sender.kind == Node::Kind::kEmbed || receiver.kind == Node::Kind::kLogits) return true;
  return sender.layer < receiver.layer || (sender.layer == receiver.layer && sender.is_head() && receiver.is_mlp());
}

TEST(EdgeOrderTest, AReceiverReadsTheSendersBelowIt) {
  for (const ModelConfig& config : {GraphConfig(1, 1), GraphConfig(3, 4)}) {
    int64_t edges = 0;
    for (int receiver = 0; receiver < ReceiverCount(config); ++receiver) {
      const Node to = ReceiverOfRank(config, receiver);
      for (int sender = 0; sender < SenderCount(config); ++sender) {
        const Node from = SenderOfRank(config, sender);
        EXPECT_EQ(sender < SendersBelow(config, to), IsBelow(from, to)) << EdgeName({from, to});
        edges += IsBelow(from, to);
      }
    }
    EXPECT_EQ(EdgeCount(config), edges);
  }
}

TEST(EdgeOrderTest, Gpt2SmallHasAsManyEdgesAsPublished) { EXPECT_EQ(EdgeCount(GraphConfig(12, 12)), 32'491); }

}  // namespace
}  // namespace circuitd
