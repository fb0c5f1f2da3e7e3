// decisions.jsonl as jobs and as adversaries write it.
#include "server/report/logged_decisions.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/graph/small_graphs.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const ModelConfig kModel = GraphConfig(2, 2);

constexpr char kNodeLine[] =
    R"({"index":0,"name":"M1","kind":"mlp","layer":1,"score":34.5,"removed":false,"iteration":0,"direction":"backward",)"
    R"("heads_kept":4,"mlps_kept":2})"
    "\n";
constexpr char kEdgeLine[] =
    R"({"index":0,"sender":"A0.1","receiver":"A1.0.k","metric":0.5,"criterion":0.25,"removed":true,"edges_kept":7})"
    "\n";

std::string Error(const std::string& text) {
  const absl::Status status = ParseDecisions(text, kModel).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text.substr(0, 300);
  return std::string(status.message());
}

std::string Node(const std::string& what, const std::string& by) {
  EXPECT_THAT(kNodeLine, HasSubstr(what));
  return absl::StrReplaceAll(kNodeLine, {{what, by}});
}

std::string Edge(const std::string& what, const std::string& by) {
  EXPECT_THAT(kEdgeLine, HasSubstr(what));
  return absl::StrReplaceAll(kEdgeLine, {{what, by}});
}

TEST(ParseDecisionsTest, ReadsDecisionsAboutNodes) {
  const auto decisions = ParseDecisions(
      absl::StrCat(kNodeLine, Node("\"index\":0", "\"index\":1"), R"({"index":2,"name":"A1.1","score":null,)",
                   R"("removed":true,"iteration":1,"direction":"forward","heads_kept":3,"mlps_kept":2,"new":[{}]})"),
      kModel);
  ASSERT_TRUE(decisions.ok()) << decisions.status();
  const auto& nodes = std::get<std::vector<LoggedNodeDecision>>(*decisions);
  ASSERT_EQ(nodes.size(), 3u);
  EXPECT_EQ(nodes[0].node, Node::Mlp(1));
  EXPECT_EQ(nodes[0].score, 34.5);
  EXPECT_FALSE(nodes[0].removed);
  EXPECT_TRUE(nodes[0].backward);
  EXPECT_EQ(nodes[0].heads_kept, 4);
  EXPECT_EQ(nodes[2].node, Node::Head(1, 1));
  EXPECT_TRUE(std::isnan(nodes[2].score));
  EXPECT_TRUE(nodes[2].removed);
  EXPECT_EQ(nodes[2].iteration, 1);
  EXPECT_FALSE(nodes[2].backward);
}

TEST(ParseDecisionsTest, ReadsDecisionsAboutEdges) {
  const auto decisions = ParseDecisions(absl::StrCat(kEdgeLine, Edge("\"index\":0", "\"index\":1")), kModel);
  ASSERT_TRUE(decisions.ok()) << decisions.status();
  const auto& edges = std::get<std::vector<LoggedEdgeDecision>>(*decisions);
  ASSERT_EQ(edges.size(), 2u);
  EXPECT_EQ(EdgeName(edges[0].edge), "A0.1->A1.0.k");
  EXPECT_EQ(edges[0].metric, 0.5);
  EXPECT_EQ(edges[0].criterion, 0.25);
  EXPECT_TRUE(edges[0].removed);
  EXPECT_EQ(edges[0].edges_kept, 7);
}

TEST(ParseDecisionsTest, OfAnEmptyFileAreNone) {
  const auto decisions = ParseDecisions("", kModel);
  ASSERT_TRUE(decisions.ok());
  EXPECT_TRUE(std::holds_alternative<std::monostate>(*decisions));
}

TEST(ParseDecisionsTest, NamesLineAndKeyOfWhatItRefuses) {
  EXPECT_THAT(Error(absl::StrCat(kNodeLine, "\n")), StartsWith("line 2: is not JSON"));
  EXPECT_THAT(Error(absl::StrCat(kNodeLine, "{\"index\":1,")), StartsWith("line 2: is not JSON"));
  EXPECT_THAT(Error(absl::StrCat(kNodeLine, kNodeLine)), StartsWith("line 2: index: 0, must be 1"));
  EXPECT_THAT(Error(absl::StrCat(kNodeLine, Edge("\"index\":0", "\"index\":1"))),
              StartsWith("line 2: is of an edge, those before are of nodes"));
  EXPECT_THAT(Error(absl::StrCat(kEdgeLine, Node("\"index\":0", "\"index\":1"))), HasSubstr("is of a node"));
  EXPECT_THAT(Error("[]\n"), HasSubstr("must be an object"));
  EXPECT_THAT(Error(Node("\"index\":0", "\"index\":1")), HasSubstr("index: 1, must be 0"));
  EXPECT_THAT(Error(Node("\"index\":0", "\"index\":0.0")), HasSubstr("index: 0.0"));
  EXPECT_THAT(Error(Node("M1", "M2")), HasSubstr("name"));
  EXPECT_THAT(Error(Node("M1", "logits")), HasSubstr("must be a head or an MLP"));
  EXPECT_THAT(Error(Node("M1", "A1.0.q")), HasSubstr("name"));
  EXPECT_THAT(Error(Node("M1", "</script>")), HasSubstr("must be the name of a node"));
  EXPECT_THAT(Error(Node("34.5", "\"34.5\"")), HasSubstr("score: \"34.5\", must be a number"));
  EXPECT_THAT(Error(Node("34.5", "NaN")), HasSubstr("is not JSON"));
  EXPECT_THAT(Error(Node("34.5", "1e999")), HasSubstr("out of range"));
  EXPECT_THAT(Error(Node("\"removed\":false", "\"removed\":0")), HasSubstr("removed: 0, must be true or false"));
  EXPECT_THAT(Error(Node("\"removed\":false,", "")), HasSubstr("removed: missing"));
  EXPECT_THAT(Error(Node("backward", "up")), HasSubstr("direction: \"up\""));
  EXPECT_THAT(Error(Node("\"heads_kept\":4", "\"heads_kept\":-1")), HasSubstr("heads_kept: -1"));
  EXPECT_THAT(Error(Node("\"heads_kept\":4", "\"heads_kept\":4294967296")), HasSubstr("heads_kept: 4294967296"));
  EXPECT_THAT(Error(Node("\"iteration\":0", "\"iteration\":0,\"iteration\":0")), HasSubstr("\"iteration\" twice"));
  EXPECT_THAT(Error(Edge("A0.1", "A1.1")), HasSubstr("sender"));
  EXPECT_THAT(Error(Edge("A1.0.k", "A1.0")), HasSubstr("receiver"));
  EXPECT_THAT(Error(Edge("\"edges_kept\":7", "\"edges_kept\":1e2")), HasSubstr("edges_kept"));
}

TEST(ParseDecisionsTest, BoundsWhatALineMayAskFor) {
  EXPECT_THAT(Error(Node("34.5", absl::StrCat(std::string(50, '['), std::string(50, ']')))), HasSubstr("nests deeper"));
  EXPECT_THAT(Error(Node("34.5", absl::StrCat("[", std::string(2000, ','), "]"))), HasSubstr("values"));
  EXPECT_THAT(Error(Node("34.5", std::string(100'000, ' '))), HasSubstr("bytes"));
}

}  // namespace
}  // namespace circuitd
