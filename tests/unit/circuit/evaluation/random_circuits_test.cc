// Random circuits: their sizes, that all are equally likely, and that a seed always draws the same.
#include "server/circuit/evaluation/random_circuits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "tests/unit/circuit/evaluation/small_circuits.h"

namespace circuitd {
namespace {

std::string Describe(const std::vector<CircuitPart>& parts) {
  std::string names;
  for (const CircuitPart& part : parts) names += PartName(part) + " ";
  return names;
}

std::string Describe(const Circuit& circuit) { return Describe(KnockoutPartsOf(circuit)); }

// `draws` draws: how often what came.
template <typename Draw>
std::map<std::string, int> Count(int draws, Draw draw) {
  std::map<std::string, int> counts;
  for (int i = 0; i < draws; ++i) ++counts[Describe(draw(i))];
  return counts;
}

// All of `outcomes` came, each about as often as the others: within five standard deviations.
void ExpectUniform(const std::map<std::string, int>& counts, int draws, size_t outcomes) {
  EXPECT_EQ(counts.size(), outcomes);
  const double p = 1.0 / static_cast<double>(outcomes);
  for (const auto& [what, count] : counts) {
    EXPECT_NEAR(count, draws * p, 5 * std::sqrt(draws * p * (1 - p))) << what;
  }
}

TEST(RandomCircuitsTest, HaveAsManyHeadsAndMlps) {
  const Circuit like = NodeCircuit({Node::Head(0, 0), Node::Head(0, 1), Node::Head(1, 1), Node::Mlp(1)});
  for (int i = 0; i < 50; ++i) {
    const Circuit random = RandomCircuit(TwoByTwo(), like, {7, 0, i});
    EXPECT_FALSE(random.edges);
    EXPECT_EQ(CountHeads(random.nodes), 3);
    EXPECT_EQ(CountMlps(random.nodes), 1);
  }
}

TEST(RandomCircuitsTest, HaveAsManyEdgesAndTheNodesTheyJoin) {
  for (int i = 0; i < 50; ++i) {
    const Circuit random = RandomCircuit(TwoByTwo(), ChainCircuit(), {7, 0, i});
    ASSERT_TRUE(random.edges);
    EXPECT_EQ(random.edges->size(), 3);
    EXPECT_EQ(random.nodes, random.edges->Nodes());
  }
}

TEST(RandomCircuitsTest, DrawEachNodeCircuitOfTheSizeAsOften) {
  const Circuit like = NodeCircuit({Node::Head(0, 0), Node::Head(0, 1), Node::Mlp(1)});
  const int draws = 6000;
  const auto counts = Count(draws, [&](int i) { return RandomCircuit(TwoByTwo(), like, {3, 1, i}); });
  ExpectUniform(counts, draws, /*heads*/ 6 * /*MLPs*/ 2);
}

TEST(RandomCircuitsTest, DrawEachEdgeCircuitOfTheSizeAsOften) {
  ModelConfig config;
  config.n_layers = 1;
  config.n_heads = 1;
  // 8 edges: embed to q, k, v, MLP and logits, the head to MLP and logits, the MLP to logits.
  const Circuit like = EdgeCircuit(config, {{Node::Embed(), Node::Logits()}, {Node::Mlp(0), Node::Logits()}});
  const int draws = 8400;
  const auto counts = Count(draws, [&](int i) { return RandomCircuit(config, like, {3, 1, i}); });
  ExpectUniform(counts, draws, 8 * 7 / 2);
}

TEST(RandomCircuitsTest, DrawEachSubsetAsOftenButNeverNone) {
  const std::vector<CircuitPart> parts = PartsOf(NodeCircuit({Node::Head(0, 0), Node::Head(1, 0), Node::Mlp(1)}));
  const int draws = 7000;
  const auto counts = Count(draws, [&](int i) { return RandomSubset(parts, {3, 1, i}); });
  ExpectUniform(counts, draws, 7);
  EXPECT_FALSE(counts.contains(""));
}

TEST(RandomCircuitsTest, KnockOutTheOnlyPartThereIs) {
  EXPECT_EQ(Describe(RandomSubset({Node::Mlp(1)}, {5, 0, 0})), "M1 ");
  EXPECT_EQ(Describe(RandomSubset({}, {5, 0, 0})), "");
}

TEST(RandomCircuitsTest, AreTheSameForTheSameDrawOnly) {
  const Circuit like = ChainCircuit();
  const std::string first = Describe(RandomCircuit(TwoByTwo(), like, {1, 2, 3}));
  EXPECT_EQ(Describe(RandomCircuit(TwoByTwo(), like, {1, 2, 3})), first);
  EXPECT_NE(Describe(RandomCircuit(TwoByTwo(), like, {2, 2, 3})), first);
  EXPECT_NE(Describe(RandomCircuit(TwoByTwo(), like, {uint64_t{1} << 32 | 1, 2, 3})), first);
  EXPECT_NE(Describe(RandomCircuit(TwoByTwo(), like, {1, 3, 3})), first);
  EXPECT_NE(Describe(RandomCircuit(TwoByTwo(), like, {1, 2, 4})), first);
}

// What a seed draws is in files that people keep.
TEST(RandomCircuitsTest, StayWhatTheyWere) {
  EXPECT_EQ(Describe(RandomCircuit(TwoByTwo(), ChainCircuit(), {1, 2, 3})), "embed->A0.0.q M0->A1.0.v A1.0->M1 ");
  const Circuit nodes = NodeCircuit({Node::Head(0, 0), Node::Head(1, 0), Node::Mlp(1)});
  EXPECT_EQ(Describe(RandomCircuit(TwoByTwo(), nodes, {1, 2, 3})), "A0.1 A1.0 M1 ");
  EXPECT_EQ(Describe(RandomSubset(PartsOf(WholeModel(TwoByTwo(), nodes)), {1, 2, 3})), "A0.1 A1.0 M1 ");
}

}  // namespace
}  // namespace circuitd
