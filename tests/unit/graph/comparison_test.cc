#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/graph/comparison_json.h"
#include "server/graph/comparison_svg.h"
#include "server/graph/membership.h"
#include "tests/unit/graph/small_graphs.h"
#include "tests/unit/graph/well_formed_xml.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::ordered_json;

// An edge circuit, one with an edge and a node more and some less, and one that has M1->logits alone.
std::vector<ComparedCircuit> Three() {
  CircuitDocument other = EdgeDocument(), small = EdgeDocument();
  other.circuit.edges->Set({Node::Head(0, 1), Node::Head(1, 0, Node::Input::kQ)}, false);
  other.circuit.edges->Set({Node::Head(0, 1), Node::Head(1, 0, Node::Input::kK)}, true);
  other.circuit.edges->Set({Node::Head(0, 0), Node::Head(1, 0, Node::Input::kK)}, true);
  other.circuit.nodes.insert(Node::Head(0, 0));
  small.circuit.edges = EdgeSet(small.config);
  small.circuit.edges->Set({Node::Mlp(1), Node::Logits()}, true);
  small.circuit.nodes = {Node::Mlp(1)};
  return {{"first", EdgeDocument()}, {"other", other}, {"small", small}};
}

TEST(MembershipTest, TellsAllSomeAndOneApart) {
  EXPECT_EQ(SharingOf({true, true}), Sharing::kAll);
  EXPECT_EQ(SharingOf({true, false, true}), Sharing::kSome);
  EXPECT_EQ(SharingOf({false, true, false}), Sharing::kOne);
  EXPECT_EQ(SharingOf({false, false}), Sharing::kNone);
  EXPECT_EQ(MembershipLetters({true, false, true}), "A C");
  EXPECT_EQ(CircuitLetter(25), "Z");
  EXPECT_EQ(CircuitLetter(26), "A1");
  EXPECT_STRNE(MembershipColor({true, false}), MembershipColor({false, true}));
  EXPECT_STRNE(MembershipDashes({true, false}), MembershipDashes({false, true}));
}

TEST(MembershipTest, MergesTheInputsOfAHead) {
  const std::vector<ComparedCircuit> three = Three();
  const auto edges = EdgeMemberships(three);
  EXPECT_EQ(edges.at({Node::Head(0, 1), Node::Head(1, 0)}), (Membership{true, true, false}));
  EXPECT_EQ(edges.at({Node::Head(0, 0), Node::Head(1, 0)}), (Membership{false, true, false}));
  EXPECT_EQ(edges.at({Node::Mlp(1), Node::Logits()}), (Membership{true, true, true}));
  EXPECT_EQ(edges.size(), 6u);
}

TEST(MembershipTest, KnowsEdgesOfNodeCircuitsThatAnotherHas) {
  CircuitDocument nodes = NodeDocument();
  nodes.circuit.nodes = {Node::Mlp(1)};
  const std::vector<ComparedCircuit> circuits = {{"nodes", nodes}, {"edges", EdgeDocument()}};
  const auto edges = EdgeMemberships(circuits);
  EXPECT_EQ(edges.size(), 5u);
  EXPECT_EQ(edges.at({Node::Mlp(1), Node::Logits()}), (Membership{true, true}));
  EXPECT_EQ(edges.at({Node::Head(0, 1), Node::Mlp(1)}), (Membership{false, true}));
  EXPECT_TRUE(EdgeMemberships({circuits.data(), 1}).empty());
}

TEST(ComparisonSvgTest, ShowsWhoHasWhat) {
  const std::string svg = ComparisonSvg(Three());
  EXPECT_TRUE(IsWellFormedXml(svg));
  EXPECT_THAT(svg, HasSubstr(">3 circuits in tiny</text>"));
  EXPECT_THAT(svg, HasSubstr(">All share 1 of 4 heads and MLPs and 1 of 6 edges, inputs of a head merged</text>"));
  EXPECT_THAT(svg, HasSubstr("<title>A0.0 in B</title>"));
  EXPECT_THAT(svg, HasSubstr("<title>A0.1 in A B</title>"));
  EXPECT_THAT(svg, HasSubstr("<title>M1 in A B C</title>"));
  EXPECT_THAT(svg, HasSubstr("<title>A1.1, in none</title>"));
  EXPECT_THAT(svg, HasSubstr("<title>A0.1-&gt;A1.0 in A B</title>"));
  EXPECT_THAT(svg, HasSubstr("<title>M1-&gt;logits in A B C</title>"));
  EXPECT_THAT(svg, HasSubstr(">C: only in small (77.5 % of the model&#39;s logit difference with 0 of 4 heads"));
}

TEST(ComparisonSvgTest, DrawsNodeCircuitsWithoutEdges) {
  const std::vector<ComparedCircuit> circuits = {{"a", NodeDocument()}, {"b", NodeDocument()}};
  const std::string svg = ComparisonSvg(circuits);
  EXPECT_TRUE(IsWellFormedXml(svg));
  EXPECT_THAT(svg, HasSubstr(">All share 4 of 4 heads and MLPs</text>"));
  EXPECT_THAT(svg, Not(HasSubstr("<path")));
  EXPECT_THAT(svg, Not(HasSubstr("in some")));
}

TEST(ComparisonSvgTest, TakesAnyNumberOfCircuitsAndHostileLabels) {
  EXPECT_TRUE(IsWellFormedXml(ComparisonSvg(std::vector<ComparedCircuit>{{"<a>&\"\x01\xff", EdgeDocument()}})));
  std::vector<ComparedCircuit> many(40, {"one", EdgeDocument()});
  many.back().document.circuit.nodes.insert(Node::Head(1, 1));
  const std::string svg = ComparisonSvg(many);
  EXPECT_TRUE(IsWellFormedXml(svg));
  EXPECT_THAT(svg, HasSubstr("<title>A1.1 in N1</title>"));
}

TEST(ComparisonSvgTest, WritesAsManyLettersAsFitANodeAndElseHowManyThereAre) {
  CircuitDocument without = NodeDocument();
  without.circuit.nodes.erase(Node::Mlp(1));
  const auto all_but = [&](size_t count) {
    std::vector<ComparedCircuit> circuits(count, {"with", NodeDocument()});
    circuits[1] = {"without", without};
    return ComparisonSvg(circuits);
  };
  EXPECT_THAT(all_but(4), HasSubstr(">A C D</text>"));
  EXPECT_THAT(all_but(7), HasSubstr(">ACDEFG</text>"));
  EXPECT_THAT(all_but(16), HasSubstr(">15 of 16</text>"));
}

TEST(ComparisonJsonTest, HasThePairsAndWhatAllShare) {
  const Json comparison = Json::parse(ComparisonJson(Three()));
  EXPECT_EQ(comparison["schema"], "circuitd.comparison/1");
  EXPECT_EQ(comparison["circuits"][1].dump(), R"({"label":"other","nodes":4,"edges":6,"own_edges":true,"score":77.5})");
  ASSERT_EQ(comparison["pairs"].size(), 3u);
  EXPECT_EQ(comparison["pairs"][0].dump(), Json::parse(R"({"a": "first", "b": "other",
      "nodes": {"shared": 3, "in_a": 3, "in_b": 4, "jaccard": 0.75, "a_in_b": 1.0, "b_in_a": 0.75},
      "edges": {"shared": 4, "in_a": 5, "in_b": 6, "jaccard": 0.5714285714285714, "a_in_b": 0.8,
                "b_in_a": 0.6666666666666666}})")
                                               .dump());
  EXPECT_EQ(comparison["pairs"][2]["a"], "other");
  EXPECT_EQ(comparison["pairs"][2]["b"], "small");
  EXPECT_EQ(comparison["shared_nodes"].dump(), R"([{"name":"M1","kind":"mlp","layer":1}])");
  EXPECT_EQ(comparison["shared_edges"].dump(), R"([{"sender":"M1","receiver":"logits"}])");
}

TEST(ComparisonJsonTest, HasNoSharedEdgesOfNodeCircuits) {
  const std::vector<ComparedCircuit> circuits = {{"a\xff", NodeDocument()}, {"b", NodeDocument()}};
  const Json comparison = Json::parse(ComparisonJson(circuits));
  EXPECT_EQ(comparison["shared_nodes"].size(), 4u);
  EXPECT_FALSE(comparison.contains("shared_edges"));
  EXPECT_EQ(comparison["circuits"][0]["own_edges"], false);
}

}  // namespace
}  // namespace circuitd
