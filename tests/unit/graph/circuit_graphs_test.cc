// Files for graph tools: DOT and GraphML.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/graph/circuit_exports.h"
#include "tests/unit/graph/small_graphs.h"
#include "tests/unit/graph/well_formed_xml.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(CircuitDotTest, RanksTheCircuitsNodesByLayer) {
  const std::string dot = CircuitDot(NodeDocument(), HeadInputs::kSplit);
  EXPECT_THAT(dot, HasSubstr(R"("layer 0" -> "A0.0" -> "A0.1" [style=invis])"));
  EXPECT_THAT(dot, HasSubstr(R"("layer 1" -> "A1.0" -> "M1" [style=invis])"));
  EXPECT_THAT(dot, HasSubstr(R"("embed" -> "layer 0" -> "layer 1" -> "logits")"));
  EXPECT_THAT(dot, Not(HasSubstr("A1.1")));
  EXPECT_THAT(dot, Not(HasSubstr("M0")));
}

TEST(CircuitDotTest, QuotesHostileNames) {
  CircuitDocument document = NodeDocument();
  document.model_name = "x\"];evil[\\\n";
  EXPECT_THAT(CircuitDot(document, HeadInputs::kSplit), HasSubstr("in x\\\"];evil[\\\\\xEF\xBF\xBD: 88.2"));
}

TEST(CircuitDotTest, DrawsTheEdgesOfAnEdgeCircuit) {
  const std::string dot = CircuitDot(EdgeDocument(), HeadInputs::kSplit);
  EXPECT_THAT(dot, HasSubstr(R"("A0.1" -> "A1.0" [style=solid, color="#0072b2")"));
  EXPECT_THAT(dot, HasSubstr(R"("embed" -> "A0.1" [style=dashed, color="#009e73")"));
  EXPECT_THAT(dot, HasSubstr(R"("M1" -> "logits" [style=dashed, color="#4a5560", penwidth=4.00)"));
  EXPECT_EQ(CountMatches(dot, "penwidth"), 5u);
  EXPECT_THAT(dot, HasSubstr(R"("embed" -> "layer 0" -> "MLP 0" -> "layer 1" -> "MLP 1" -> "logits")"));
}

TEST(CircuitDotTest, MergesTheInputsOfAHead) {
  CircuitDocument document = EdgeDocument();
  document.circuit.edges->Set({Node::Head(0, 1), Node::Head(1, 0, Node::Input::kV)}, true);
  EXPECT_EQ(CountMatches(CircuitDot(document, HeadInputs::kSplit), "penwidth"), 6u);
  EXPECT_EQ(CountMatches(CircuitDot(document, HeadInputs::kMerged), "penwidth"), 5u);
}

// Without the declaration, which is no element.
std::string Elements(const std::string& xml) { return xml.substr(xml.find("<graphml")); }

TEST(CircuitGraphMlTest, HasNodesAndEdgesWithTheirAttributes) {
  const std::string xml = CircuitGraphMl(EdgeDocument(), HeadInputs::kSplit);
  EXPECT_THAT(xml, StartsWith("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<graphml"));
  EXPECT_TRUE(IsWellFormedXml(Elements(xml)));
  EXPECT_EQ(CountMatches(xml, "<node "), 5u);
  EXPECT_EQ(CountMatches(xml, "<edge "), 5u);
  EXPECT_THAT(xml, HasSubstr(R"(<node id="A1.0"><data key="kind">attention_head</data><data key="layer">1</data>)"
                             R"(<data key="head">0</data></node>)"));
  EXPECT_THAT(xml, HasSubstr(R"(<edge source="A0.1" target="A1.0"><data key="input">q</data>)"
                             R"(<data key="score">0.4</data></edge>)"));
  EXPECT_THAT(xml, HasSubstr(R"(<node id="embed"><data key="kind">embed</data></node>)"));
}

TEST(CircuitGraphMlTest, HasAllEdgesBetweenTheNodesOfANodeCircuit) {
  const CircuitDocument document = NodeDocument();
  const int64_t edges = EdgeSet::Among(document.config, document.circuit.nodes).size();
  EXPECT_EQ(CountMatches(CircuitGraphMl(document, HeadInputs::kSplit), "<edge "), static_cast<size_t>(edges));
  EXPECT_THAT(CircuitGraphMl(document, HeadInputs::kMerged), Not(HasSubstr("key=\"input\">")));
}

TEST(CircuitGraphMlTest, EscapesHostileNames) {
  CircuitDocument document = EdgeDocument();
  document.model_name = "<a>&\"\x01\xff";
  EXPECT_TRUE(IsWellFormedXml(Elements(CircuitGraphMl(document, HeadInputs::kSplit))));
}

}  // namespace
}  // namespace circuitd
