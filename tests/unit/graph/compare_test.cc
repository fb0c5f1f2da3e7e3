#include "server/graph/compare.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/graph/small_graphs.h"

namespace circuitd {
namespace {

Circuit NodesOnly(NodeSet nodes) { return {std::move(nodes), std::nullopt}; }

Circuit RandomCircuit(const ModelConfig& config, std::mt19937& random) {
  Circuit circuit;
  circuit.edges = RandomEdges(config, 0.3, random);
  circuit.nodes = circuit.edges->Nodes();
  return circuit;
}

TEST(OverlapTest, CountsWhatIsSharedAgainstEitherAndBoth) {
  const Overlap overlap = {3, 4, 6};
  EXPECT_DOUBLE_EQ(overlap.Jaccard(), 3.0 / 7);
  EXPECT_DOUBLE_EQ(overlap.Containment(), 0.75);
}

TEST(OverlapTest, IsWholeOfNothing) {
  EXPECT_EQ((Overlap{0, 0, 0}).Jaccard(), 1);
  EXPECT_EQ((Overlap{0, 0, 5}).Containment(), 1);
  EXPECT_EQ((Overlap{0, 0, 5}).Jaccard(), 0);
  EXPECT_EQ((Overlap{0, 5, 0}).Containment(), 0);
}

TEST(CompareTest, CountsNodesOfBoth) {
  const Overlap overlap = CompareNodes(NodesOnly({Node::Head(0, 0), Node::Mlp(0), Node::Mlp(1)}),
                                       NodesOnly({Node::Mlp(1), Node::Head(0, 1)}));
  EXPECT_EQ(overlap.shared, 1);
  EXPECT_EQ(overlap.in_a, 3);
  EXPECT_EQ(overlap.in_b, 2);
}

TEST(CompareTest, GivesNodeCircuitsTheEdgesBetweenTheirNodes) {
  const ModelConfig config = GraphConfig(2, 2);
  const Circuit whole = NodesOnly(AllNodes(config)), part = NodesOnly({Node::Mlp(0)});
  const Overlap overlap = CompareEdges(config, whole, part);
  EXPECT_EQ(overlap.in_a, EdgeCount(config));
  EXPECT_EQ(overlap.in_b, 3);  // embed->M0, embed->logits, M0->logits
  EXPECT_EQ(overlap.shared, 3);
}

TEST(CompareTest, SharedCircuitIsTheIntersection) {
  const ModelConfig config = GraphConfig(3, 2);
  std::mt19937 random(5);
  for (int trial = 0; trial < 10; ++trial) {
    const Circuit circuits[] = {RandomCircuit(config, random), RandomCircuit(config, random),
                                RandomCircuit(config, random)};
    const absl::StatusOr<Circuit> shared = SharedCircuit(config, circuits);
    ASSERT_TRUE(shared.ok());
    for (const Edge& edge : EdgeSet::All(config).Edges()) {
      const bool in_all =
          circuits[0].edges->Contains(edge) && circuits[1].edges->Contains(edge) && circuits[2].edges->Contains(edge);
      EXPECT_EQ(shared->edges->Contains(edge), in_all) << EdgeName(edge);
    }
    for (const Node& node : AllNodes(config)) {
      const bool in_all =
          circuits[0].nodes.contains(node) && circuits[1].nodes.contains(node) && circuits[2].nodes.contains(node);
      EXPECT_EQ(shared->nodes.contains(node), in_all) << NodeName(node);
    }
    for (const Node& node : shared->edges->Nodes()) EXPECT_TRUE(shared->nodes.contains(node));
    EXPECT_EQ(CompareEdges(config, circuits[0], *shared).shared, shared->edges->size());
  }
}

TEST(CompareTest, SharedCircuitHasEdgesIfOneOfThemHas) {
  const ModelConfig config = GraphConfig(2, 2);
  const Circuit edges = EdgeDocument().circuit, nodes = NodesOnly({Node::Head(0, 1), Node::Mlp(1)});
  const Circuit mixed[] = {nodes, edges};
  const absl::StatusOr<Circuit> shared = SharedCircuit(config, mixed);
  ASSERT_TRUE(shared.ok());
  EXPECT_THAT(Names(*shared->edges), testing::ElementsAre("embed->A0.1.v", "A0.1->M1", "M1->logits"));
  const Circuit alone[] = {nodes, nodes};
  EXPECT_FALSE(SharedCircuit(config, alone)->edges.has_value());
}

TEST(CompareTest, RefusesNoCircuits) {
  EXPECT_EQ(SharedCircuit(GraphConfig(1, 1), {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace circuitd
