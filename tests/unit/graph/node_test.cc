#include "server/graph/node.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/graph/node_validation.h"
#include "tests/unit/graph/small_graphs.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Input = Node::Input;

TEST(NodeTest, IsNamedAsTheFieldNamesIt) {
  EXPECT_EQ(NodeName(Node::Head(7, 11)), "A7.11");
  EXPECT_EQ(NodeName(Node::Head(7, 11, Input::kQ)), "A7.11.q");
  EXPECT_EQ(NodeName(Node::Head(0, 3, Input::kK)), "A0.3.k");
  EXPECT_EQ(NodeName(Node::Head(0, 3, Input::kV)), "A0.3.v");
  EXPECT_EQ(NodeName(Node::Mlp(9)), "M9");
  EXPECT_EQ(NodeName(Node::Embed()), "embed");
  EXPECT_EQ(NodeName(Node::Logits()), "logits");
}

TEST(NodeTest, SortsHeadsByLayerAndHeadBeforeMlpsByLayer) {
  const NodeSet nodes = {Node::Mlp(0), Node::Head(1, 0), Node::Head(0, 2), Node::Mlp(1), Node::Head(0, 1)};
  std::vector<std::string> names;
  for (const Node& node : nodes) names.push_back(NodeName(node));
  EXPECT_THAT(names, ElementsAre("A0.1", "A0.2", "A1.0", "M0", "M1"));
  EXPECT_EQ(CountHeads(nodes), 3);
  EXPECT_EQ(CountMlps(nodes), 2);
}

TEST(NodeTest, AllNodesAreEveryHeadAndMlp) {
  const NodeSet nodes = AllNodes(GraphConfig(3, 4));
  EXPECT_EQ(CountHeads(nodes), 12);
  EXPECT_EQ(CountMlps(nodes), 3);
  EXPECT_TRUE(nodes.contains(Node::Head(2, 3)));
  EXPECT_FALSE(Without(nodes, Node::Mlp(1)).contains(Node::Mlp(1)));
  EXPECT_EQ(Without(nodes, Node::Head(3, 0)), nodes);
}

TEST(NodeValidationTest, TakesSendersThatTheModelHas) {
  const ModelConfig config = GraphConfig(2, 3);
  EXPECT_TRUE(ValidateSender(config, Node::Embed()).ok());
  EXPECT_TRUE(ValidateSender(config, Node::Head(1, 2)).ok());
  EXPECT_TRUE(ValidateSender(config, Node::Mlp(1)).ok());
  EXPECT_THAT(ValidateSender(config, Node::Head(2, 0)).ToString(), HasSubstr("layer: 2, model has 2 (0-1)"));
  EXPECT_THAT(ValidateSender(config, Node::Head(0, 3)).ToString(), HasSubstr("head: 3, model has 3 (0-2)"));
  EXPECT_THAT(ValidateSender(config, Node::Mlp(-1)).ToString(), HasSubstr("layer: -1"));
  EXPECT_THAT(ValidateSender(config, Node::Logits()).ToString(), HasSubstr("kind"));
  EXPECT_THAT(ValidateSender(config, Node::Head(0, 0, Input::kV)).ToString(), HasSubstr("input"));
}

TEST(NodeValidationTest, TakesReceiversThatTheModelHas) {
  const ModelConfig config = GraphConfig(2, 3);
  EXPECT_TRUE(ValidateReceiver(config, Node::Logits()).ok());
  EXPECT_TRUE(ValidateReceiver(config, Node::Head(1, 2, Input::kK)).ok());
  EXPECT_TRUE(ValidateReceiver(config, Node::Mlp(0)).ok());
  EXPECT_THAT(ValidateReceiver(config, Node::Embed()).ToString(), HasSubstr("kind"));
  EXPECT_THAT(ValidateReceiver(config, Node::Head(0, 0)).ToString(), HasSubstr("input: none"));
  EXPECT_THAT(ValidateReceiver(config, Node::Head(0, 3, Input::kQ)).ToString(), HasSubstr("head: 3"));
  Node mlp = Node::Mlp(0);
  mlp.input = Input::kQ;
  EXPECT_THAT(ValidateReceiver(config, mlp).ToString(), HasSubstr("input: only heads"));
}

}  // namespace
}  // namespace circuitd
