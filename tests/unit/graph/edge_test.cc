#include "server/graph/edge.h"

#include "base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/graph/small_graphs.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;
using Input = Node::Input;

TEST(EdgeTest, IsNamedByItsEnds) {
  EXPECT_EQ(EdgeName({Node::Head(5, 1), Node::Head(7, 11, Input::kQ)}), "A5.1->A7.11.q");
  EXPECT_EQ(EdgeName({Node::Embed(), Node::Logits()}), "embed->logits");
}

TEST(EdgeTest, JoinsASenderToAReceiverAboveIt) {
  const ModelConfig config = GraphConfig(2, 2);
  EXPECT_TRUE(ValidateEdge(config, {Node::Embed(), Node::Head(0, 0, Input::kQ)}).ok());
  EXPECT_TRUE(ValidateEdge(config, {Node::Head(0, 1), Node::Mlp(0)}).ok());
  EXPECT_TRUE(ValidateEdge(config, {Node::Mlp(0), Node::Head(1, 0, Input::kV)}).ok());
  EXPECT_TRUE(ValidateEdge(config, {Node::Mlp(1), Node::Logits()}).ok());
}

TEST(EdgeTest, ClosesNoCycle) {
  const ModelConfig config = GraphConfig(2, 2);
  for (const Edge& edge : {Edge{Node::Head(0, 0), Node::Head(0, 1, Input::kK)}, Edge{Node::Mlp(0), Node::Mlp(0)},
                           Edge{Node::Mlp(0), Node::Head(0, 0, Input::kQ)}, Edge{Node::Head(1, 0), Node::Mlp(0)}}) {
    const absl::Status status = ValidateEdge(config, edge);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << EdgeName(edge);
    EXPECT_EQ(FieldOf(status), "sender");
    EXPECT_THAT(status.ToString(), HasSubstr("is not below the receiver, " + NodeName(edge.receiver)));
  }
}

TEST(EdgeTest, NamesTheEndThatTheModelDoesNotHave) {
  const ModelConfig config = GraphConfig(2, 2);
  EXPECT_EQ(ValidateEdge(config, {Node::Head(2, 0), Node::Logits()}).message(), "sender.layer: 2, model has 2 (0-1)");
  EXPECT_EQ(FieldOf(ValidateEdge(config, {Node::Embed(), Node::Head(0, 2, Input::kQ)})), "receiver.head");
  EXPECT_EQ(FieldOf(ValidateEdge(config, {Node::Embed(), Node::Head(0, 0)})), "receiver.input");
  EXPECT_EQ(FieldOf(ValidateEdge(config, {Node::Logits(), Node::Mlp(0)})), "sender.kind");
}

}  // namespace
}  // namespace circuitd
