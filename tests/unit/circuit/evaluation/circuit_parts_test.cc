// Circuits without some of their parts.
#include "server/circuit/evaluation/circuit_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/graph/edge_order.h"
#include "tests/unit/circuit/evaluation/small_circuits.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> NamesOf(const std::vector<CircuitPart>& parts) {
  std::vector<std::string> names;
  for (const CircuitPart& part : parts) names.push_back(PartName(part));
  return names;
}

TEST(CircuitPartsTest, AreHeadsThenMlpsThenEdgesUpwards) {
  const Circuit nodes = NodeCircuit({Node::Mlp(0), Node::Head(1, 0), Node::Head(0, 1)});
  EXPECT_THAT(NamesOf(PartsOf(nodes)), ElementsAre("A0.1", "A1.0", "M0"));
  EXPECT_THAT(NamesOf(KnockoutPartsOf(nodes)), ElementsAre("A0.1", "A1.0", "M0"));

  const Circuit edges = ChainCircuit();
  EXPECT_THAT(NamesOf(PartsOf(edges)), ElementsAre("A0.1", "M1", "embed->A0.1.v", "A0.1->M1", "M1->logits"));
  EXPECT_THAT(NamesOf(KnockoutPartsOf(edges)), ElementsAre("embed->A0.1.v", "A0.1->M1", "M1->logits"));
}

TEST(CircuitPartsTest, TakeNodesOutOfNodeCircuits) {
  const Circuit circuit = NodeCircuit({Node::Mlp(0), Node::Head(1, 0), Node::Head(0, 1)});
  EXPECT_EQ(WithoutParts(circuit, {Node::Head(1, 0), Node::Mlp(1)}).nodes, (NodeSet{Node::Head(0, 1), Node::Mlp(0)}));
}

TEST(CircuitPartsTest, TakeANodesEdgesOutWithIt) {
  Circuit whole = WholeModel(TwoByTwo(), ChainCircuit());
  const Circuit without = WithoutParts(whole, {Node::Head(1, 0)});
  EXPECT_EQ(without.nodes, Without(AllNodes(TwoByTwo()), Node::Head(1, 0)));
  int64_t gone = 0;
  for (const Edge& edge : whole.edges->Edges()) {
    Node receiver = edge.receiver;
    receiver.input = Node::Input::kNone;
    const bool touches = edge.sender == Node::Head(1, 0) || receiver == Node::Head(1, 0);
    EXPECT_EQ(without.edges->Contains(edge), !touches) << EdgeName(edge);
    gone += touches;
  }
  // q, k and v each read embed, two heads and an MLP; M1 and the logits read the head.
  EXPECT_EQ(gone, 3 * 4 + 2);
  EXPECT_EQ(without.edges->size(), whole.edges->size() - gone);
}

TEST(CircuitPartsTest, TakeAnEdgeOutAlone) {
  const Edge edge{Node::Head(0, 1), Node::Mlp(1)};
  const Circuit without = WithoutParts(ChainCircuit(), {edge});
  EXPECT_EQ(without.nodes, ChainCircuit().nodes);
  EXPECT_EQ(without.edges->size(), 2);
  EXPECT_FALSE(without.edges->Contains(edge));
}

TEST(CircuitPartsTest, MakeAnEmptyCircuitOfAllParts) {
  for (const Circuit& like : {NodeCircuit({Node::Mlp(0)}), ChainCircuit()}) {
    const Circuit whole = WholeModel(TwoByTwo(), like), empty = EmptyCircuit(TwoByTwo(), like);
    EXPECT_EQ(whole.nodes.size(), 6u);
    EXPECT_EQ(empty.nodes, NodeSet());
    EXPECT_EQ(empty.edges.has_value(), like.edges.has_value());
    EXPECT_EQ(WithoutParts(whole, PartsOf(whole)).nodes, empty.nodes);
    EXPECT_EQ(WithoutParts(whole, PartsOf(whole)).edges, empty.edges);
    if (like.edges) {
      EXPECT_EQ(whole.edges->size(), EdgeCount(TwoByTwo()));
    }
  }
}

}  // namespace
}  // namespace circuitd
