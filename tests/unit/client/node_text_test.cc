#include "client/cli/node_text.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ParseIdsTest, ReadsAListAndRejectsTheRest) {
  EXPECT_THAT(ParseIds("464,11,50256").value(), ElementsAre(464, 11, 50256));
  for (const char* text : {"", "1,", "1,,2", "-1", "4294967296", "a"}) {
    EXPECT_EQ(ParseIds(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(NodeNameTest, SpellsEveryKind) {
  v1::Node node;
  EXPECT_EQ(NodeName(node), "?");
  node.set_kind(v1::NODE_KIND_ATTENTION_HEAD);
  node.set_layer(7);
  node.set_head(11);
  EXPECT_EQ(NodeName(node), "A7.11");
  node.set_input(v1::HEAD_INPUT_Q);
  EXPECT_EQ(NodeName(node), "A7.11.q");
  node.set_kind(v1::NODE_KIND_MLP);
  EXPECT_EQ(NodeName(node), "M7");
  node.set_kind(v1::NODE_KIND_EMBED);
  EXPECT_EQ(NodeName(node), "embed");
  node.set_kind(v1::NODE_KIND_LOGITS);
  EXPECT_EQ(NodeName(node), "logits");
}

TEST(ParseNodeTest, ReadsWhatNodeNameWrites) {
  for (const char* text : {"A7.11", "A7.11.q", "A0.0.k", "A1.2.v", "M9", "embed", "logits"}) {
    const auto node = ParseNode(text);
    ASSERT_TRUE(node.ok()) << node.status();
    EXPECT_EQ(NodeName(*node), text);
  }
}

TEST(ParseNodeTest, RejectsTheRest) {
  for (const char* text :
       {"", "A", "A7", "A7.", "A7.x", "A7.1.x", "A7.1.q.k", "M", "Mx", "M1.2", "B1", "Embed", "A-1.0"}) {
    EXPECT_THAT(std::string(ParseNode(text).status().message()), HasSubstr("is not a node")) << text;
  }
}

TEST(ParseHeadTest, ReadsLayerAndHead) {
  EXPECT_EQ(ParseHead("3.0").value(), std::pair(3u, 0u));
  EXPECT_EQ(ParseHead("A11.7").value(), std::pair(11u, 7u));
  for (const char* text : {"", "3", "3.x", "3.0.q", "-3.0", "M3"}) {
    EXPECT_EQ(ParseHead(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace circuitd::client
