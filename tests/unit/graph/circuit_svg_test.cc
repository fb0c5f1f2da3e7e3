#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/graph/circuit_exports.h"
#include "tests/unit/graph/small_graphs.h"
#include "tests/unit/graph/well_formed_xml.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Svg(const CircuitDocument& document) { return CircuitSvg(document, HeadInputs::kSplit); }

TEST(CircuitSvgTest, NamesTheCircuitsNodesOnly) {
  const std::string svg = Svg(NodeDocument());
  EXPECT_TRUE(IsWellFormedXml(svg));
  for (const char* name : {"A0.0", "A0.1", "A1.0", "M1"}) {
    EXPECT_THAT(svg, HasSubstr(std::string(">") + name + "</text>"));
    EXPECT_THAT(svg, HasSubstr(std::string("<title>") + name + "</title>"));
  }
  for (const char* name : {"A1.1", "M0"}) {
    EXPECT_THAT(svg, Not(HasSubstr(std::string(">") + name + "</text>")));
    EXPECT_THAT(svg, HasSubstr(std::string("<title>") + name + ", not in the circuit</title>"));
  }
}

TEST(CircuitSvgTest, SaysModelTaskScoreAndThreshold) {
  const std::string svg = Svg(NodeDocument());
  EXPECT_THAT(svg, HasSubstr(">Circuit for numerals in tiny</text>"));
  EXPECT_THAT(svg, HasSubstr(">88.2 % of the model&#39;s logit difference with 3 of 4 heads and 1 of 2 MLPs</text>"));
  EXPECT_THAT(svg,
              HasSubstr("threshold 12.5 \u00b7 seqcont means \u00b7 96 prompts \u00b7 converged after 2 decisions"));
  EXPECT_THAT(svg, HasSubstr("Nodes: A0.0, A0.1, A1.0, M1.</desc>"));
}

TEST(CircuitSvgTest, NamesTheSourceOfUploadedPrompts) {
  CircuitDocument document = NodeDocument();
  document.task_json = R"({"pairs_dataset_sha256": "0123456789abcdef"})";
  EXPECT_THAT(Svg(document), HasSubstr(">Circuit for uploaded prompts 01234567 in tiny<"));
  document.task_json = R"({"published": {}})";
  EXPECT_THAT(Svg(document), HasSubstr(">Circuit for published prompts in tiny<"));
  document.task_json = "[]";
  EXPECT_THAT(Svg(document), HasSubstr(">Circuit for prompts in tiny<"));
}

TEST(CircuitSvgTest, EscapesHostileNames) {
  CircuitDocument document = NodeDocument();
  document.model_name = "<script>&\"'\x01\xff]]>";
  const std::string svg = Svg(document);
  EXPECT_TRUE(IsWellFormedXml(svg));
  EXPECT_THAT(svg, HasSubstr("in &lt;script&gt;&amp;&quot;&#39;\xEF\xBF\xBD\xEF\xBF\xBD]]&gt;</title>"));
}

TEST(CircuitSvgTest, ShrinksLongTitlesAndCutsLongerOnes) {
  CircuitDocument document = NodeDocument();
  EXPECT_THAT(Svg(document), HasSubstr("font-size=\"20\" font-weight=\"600\""));
  document.model_name = std::string(80, 'n');
  EXPECT_THAT(Svg(document), HasSubstr(" in " + document.model_name + "</text>"));
  EXPECT_THAT(Svg(document), Not(HasSubstr("font-size=\"20\"")));
  document.model_name = std::string(1000, 'n');
  EXPECT_THAT(Svg(document), HasSubstr("font-size=\"13\" font-weight=\"600\""));
  EXPECT_THAT(Svg(document), HasSubstr("nnn\u2026</text>"));
  EXPECT_THAT(Svg(document), HasSubstr(document.model_name + "</title>"));
}

TEST(CircuitSvgTest, NamesTheMethodAsPapersDo) {
  CircuitDocument document = EdgeDocument();
  // Nothing was decided edge by edge.
  EXPECT_THAT(Svg(document), HasSubstr(">EAP-IG (inputs) \u00b7 5 steps</text>"));
  document.parameters_json = R"({"method":"eap_ig_activations","steps":5})";
  EXPECT_THAT(Svg(document), HasSubstr(">EAP-IG (activations) \u00b7 5 steps</text>"));
  document.parameters_json = R"({"method":"edge_pruning","threshold":0.8})";
  EXPECT_THAT(Svg(document), HasSubstr(">edge pruning \u00b7 threshold 0.8</text>"));
}

// Cells of heads and MLPs, by their <title>.
std::set<std::pair<int, int>> CellCorners(const std::string& svg, int& count, int& right, int& bottom) {
  const std::regex cell(R"re(</title><rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)")re");
  std::set<std::pair<int, int>> corners;
  for (std::sregex_iterator match(svg.begin(), svg.end(), cell), last; match != last; ++match, ++count) {
    const int x = std::stoi((*match)[1]), y = std::stoi((*match)[2]);
    corners.insert({x, y});
    right = std::max(right, x + std::stoi((*match)[3]));
    bottom = std::max(bottom, y + std::stoi((*match)[4]));
  }
  return corners;
}

class CircuitSvgSizeTest : public testing::TestWithParam<std::pair<int, int>> {};

TEST_P(CircuitSvgSizeTest, GivesEveryNodeAPlaceOfItsOwnInsideThePicture) {
  CircuitDocument document = NodeDocument();
  document.config = GraphConfig(GetParam().first, GetParam().second);
  document.circuit.nodes = AllNodes(document.config);
  const std::string svg = Svg(document);
  EXPECT_TRUE(IsWellFormedXml(svg));

  int count = 0, right = 0, bottom = 0;
  const size_t places = CellCorners(svg, count, right, bottom).size();
  EXPECT_EQ(count, GetParam().first * (GetParam().second + 1));
  EXPECT_EQ(places, static_cast<size_t>(count));
  std::smatch size;
  ASSERT_TRUE(std::regex_search(svg, size, std::regex(R"re(viewBox="0 0 (\d+) (\d+)")re")));
  EXPECT_LT(right, std::stoi(size[1]));
  EXPECT_LT(bottom, std::stoi(size[2]));
}

INSTANTIATE_TEST_SUITE_P(Models, CircuitSvgSizeTest,
                         testing::Values(std::pair(1, 1), std::pair(4, 8), std::pair(12, 12), std::pair(48, 25)));

TEST(CircuitSvgTest, PutsHigherLayersHigher) {
  const std::string svg = Svg(NodeDocument());
  std::smatch lower, higher;
  ASSERT_TRUE(std::regex_search(svg, lower, std::regex(R"re(<title>A0\.0</title><rect x="(\d+)" y="(\d+)")re")));
  ASSERT_TRUE(std::regex_search(svg, higher, std::regex(R"re(<title>A1\.0</title><rect x="(\d+)" y="(\d+)")re")));
  EXPECT_EQ(lower[1], higher[1]);
  EXPECT_GT(std::stoi(lower[2]), std::stoi(higher[2]));
  EXPECT_EQ(CountMatches(svg, "fill=\"#2b5ea7\""), 3u + 1);  // the legend's too
}

TEST(CircuitSvgEdgesTest, DrawsEachEdgeInTheColourOfItsInput) {
  const std::string svg = Svg(EdgeDocument());
  EXPECT_TRUE(IsWellFormedXml(svg));
  EXPECT_THAT(svg, HasSubstr("<title>A0.1-&gt;A1.0.q, score 0.4</title>"));
  EXPECT_THAT(svg, HasSubstr("<title>M1-&gt;logits, score -3.2</title>"));
  EXPECT_EQ(CountMatches(svg, "<path d=\"[^\"]*\"><title>"), 5u);
  // One edge, and the legend's line.
  EXPECT_EQ(CountMatches(svg, "stroke=\"#0072b2\""), 2u);
  EXPECT_EQ(CountMatches(svg, "stroke=\"#009e73\""), 2u);
  EXPECT_EQ(CountMatches(svg, "stroke=\"#d55e00\""), 1u);
  EXPECT_THAT(svg, HasSubstr(", 5 of 46 edges</text>"));
  EXPECT_THAT(svg, HasSubstr(">EAP-IG (inputs) \u00b7 5 steps</text>"));
}

TEST(CircuitSvgEdgesTest, MergesTheInputsOfAHeadAndKeepsTheStrongest) {
  CircuitDocument document = EdgeDocument();
  const Edge weaker = {Node::Head(0, 1), Node::Head(1, 0, Node::Input::kK)};
  document.circuit.edges->Set(weaker, true);
  document.scores->Set(ReceiverRank(document.config, weaker.receiver), SenderRank(document.config, weaker.sender),
                       -0.3);
  const std::string svg = CircuitSvg(document, HeadInputs::kMerged);
  EXPECT_EQ(CountMatches(svg, "<path d=\"[^\"]*\"><title>"), 5u);
  EXPECT_THAT(svg, HasSubstr("<title>A0.1-&gt;A1.0, score 0.4</title>"));
  EXPECT_THAT(svg, Not(HasSubstr("#0072b2")));
}

TEST(CircuitSvgEdgesTest, SaysNothingOfScoresWhereThereAreNone) {
  CircuitDocument document = EdgeDocument();
  document.scores.reset();
  const std::string svg = Svg(document);
  EXPECT_THAT(svg, Not(HasSubstr("score")));
  EXPECT_THAT(svg, HasSubstr("<title>A0.1-&gt;A1.0.q</title>"));
  EXPECT_THAT(svg, Not(HasSubstr("stroke-dasharray")));
}

// Start and end of each path with a title, by that title.
std::map<std::string, std::pair<int, int>> HeightsOfEdges(const std::string& svg) {
  std::map<std::string, std::pair<int, int>> heights;
  const std::regex path(R"re(<path d="M(-?\d+) (-?\d+)([^"]*)"><title>([^<]*)</title>)re");
  for (std::sregex_iterator match(svg.begin(), svg.end(), path), last; match != last; ++match) {
    int y = std::stoi((*match)[2]);
    const int start = y;
    const std::string rest = (*match)[3];
    const std::regex step(R"re(V(-?\d+)|c(-?\d+) (-?\d+) (-?\d+) (-?\d+) (-?\d+) (-?\d+))re");
    for (std::sregex_iterator part(rest.begin(), rest.end(), step); part != last; ++part) {
      y = (*part)[1].length() ? std::stoi((*part)[1]) : y + std::stoi((*part)[7]);
    }
    heights[(*match)[4]] = {start, y};
  }
  return heights;
}

TEST(CircuitSvgEdgesTest, LeadsEveryEdgeUpwards) {
  CircuitDocument document;
  document.config = GraphConfig(3, 2);
  document.circuit.nodes = AllNodes(document.config);
  document.circuit.edges = EdgeSet::All(document.config);
  const auto heights = HeightsOfEdges(Svg(document));
  EXPECT_EQ(heights.size(), static_cast<size_t>(document.circuit.edges->size()));
  for (const auto& [title, ends] : heights) EXPECT_GT(ends.first, ends.second) << title;
}

TEST(CircuitSvgEdgesTest, DrawsAllEdgesOfGpt2SmallInAFileOfModestSize) {
  CircuitDocument document;
  document.config = GraphConfig(12, 12);
  document.circuit.nodes = AllNodes(document.config);
  document.circuit.edges = EdgeSet::All(document.config);
  document.scores.emplace(document.config);
  for (int i = 0; const Edge& edge : EdgeSet::All(document.config).Edges()) {
    document.scores->Set(ReceiverRank(document.config, edge.receiver), SenderRank(document.config, edge.sender), ++i);
  }
  const std::string svg = Svg(document);
  size_t paths = 0;
  for (size_t at = 0; (at = svg.find("<path d=", at)) != std::string::npos; ++at) ++paths;
  EXPECT_EQ(paths, 32'491u + 5);  // the legend's too
  EXPECT_LT(svg.size(), size_t{2'000'000});
}

}  // namespace
}  // namespace circuitd
