#include "server/circuit/export.h"

#include <limits>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::ordered_json;

ModelConfig Config(int n_layers, int n_heads) {
  ModelConfig config;
  config.n_layers = n_layers;
  config.n_heads = n_heads;
  config.d_head = 16;
  config.d_model = n_heads * config.d_head;
  config.d_mlp = 4 * config.d_model;
  config.n_ctx = 64;
  config.d_vocab = 1000;
  return config;
}

// Three of the four heads and one of the two MLPs.
PruningReport SmallReport() {
  PruningReport report;
  report.model_name = "tiny";
  report.model_sha256 = std::string(64, 'a');
  report.config = Config(2, 2);
  report.task_json = R"({"task": {"task": "numerals", "seed": "7"}, "num_samples": 32})";
  report.server_version = "0.1.0";
  report.device = "cpu";
  report.dtype = "float32";
  report.created = "2024-05-06T07:08:09Z";
  report.prompt_count = 96;
  report.options.threshold = 12.5;
  report.options.max_iterations = 3;
  report.options.memory_budget_bytes = 1 << 20;
  report.result = {{Node::Mlp(1), Node::Head(1, 0), Node::Head(0, 1), Node::Head(0, 0)}, 88.25, 7.5, 2, true};
  report.decisions = {{0, Node::Mlp(1), 34.5, false, 0, SweepDirection::kBackward, 4, 2, 5},
                      {1, Node::Head(1, 1), 99.25, true, 0, SweepDirection::kForward, 3, 2, 4}};
  return report;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

size_t Count(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  return std::distance(std::sregex_iterator(text.begin(), text.end(), regex), std::sregex_iterator());
}

// Every tag is closed in order, and no bare '<' or '&' is left in texts and attributes.
testing::AssertionResult IsWellFormedXml(const std::string& xml) {
  std::vector<std::string> open;
  const std::regex tag(R"(<(/?)([A-Za-z][\w]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(/?)>)");
  size_t end = 0;
  for (std::sregex_iterator match(xml.begin(), xml.end(), tag), last; match != last; ++match) {
    const std::string between = xml.substr(end, match->position() - end);
    if (between.find_first_of("<>") != std::string::npos) return testing::AssertionFailure() << between;
    end = match->position() + match->length();
    if ((*match)[4].length()) continue;
    if (!(*match)[1].length()) {
      open.push_back((*match)[2]);
    } else if (open.empty() || open.back() != (*match)[2]) {
      return testing::AssertionFailure() << "unexpected " << match->str();
    } else {
      open.pop_back();
    }
  }
  if (std::regex_search(xml, std::regex("&(?!(amp|lt|gt|quot|#39);)"))) return testing::AssertionFailure() << "bare &";
  if (xml.find_first_not_of("\n", end) != std::string::npos) return testing::AssertionFailure() << xml.substr(end);
  return open.empty() ? testing::AssertionSuccess() : testing::AssertionFailure() << open.back() << " is open";
}

TEST(CircuitJsonTest, HoldsEverythingTheRunWasMadeOf) {
  EXPECT_EQ(Json::parse(CircuitJson(SmallReport())), Json::parse(R"({
    "schema": "circuitd.circuit/1",
    "model": {"name": "tiny", "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
              "dims": {"n_layers": 2, "n_heads": 2, "d_model": 32, "d_head": 16, "d_mlp": 128, "n_ctx": 64,
                       "d_vocab": 1000}},
    "task": {"task": {"task": "numerals", "seed": "7"}, "num_samples": 32},
    "parameters": {"method": "node_pruning", "means": "seqcont", "threshold": 12.5, "max_iterations": 3,
                   "prompt_count": 96, "memory_budget_bytes": 1048576},
    "nodes": [{"name": "A0.0", "kind": "attention_head", "layer": 0, "head": 0},
              {"name": "A0.1", "kind": "attention_head", "layer": 0, "head": 1},
              {"name": "A1.0", "kind": "attention_head", "layer": 1, "head": 0},
              {"name": "M1", "kind": "mlp", "layer": 1}],
    "score": 88.25,
    "full_logit_diff": 7.5,
    "decision_count": 2,
    "converged": true,
    "provenance": {"server_version": "0.1.0", "device": "cpu", "dtype": "float32", "created": "2024-05-06T07:08:09Z"}
  })"));
}

TEST(CircuitJsonTest, KeepsDoublesExactly) {
  PruningReport report = SmallReport();
  report.result.score = 80.33644104003906;
  report.options.threshold = 0.1;
  const Json circuit = Json::parse(CircuitJson(report));
  EXPECT_EQ(circuit["score"].get<double>(), 80.33644104003906);
  EXPECT_EQ(circuit["parameters"]["threshold"].get<double>(), 0.1);
}

TEST(CircuitJsonTest, WritesNullForNoIterationLimitAndForScoresThatAreNotFinite) {
  PruningReport report = SmallReport();
  report.options.max_iterations.reset();
  report.result.score = std::numeric_limits<double>::quiet_NaN();
  const Json circuit = Json::parse(CircuitJson(report));
  EXPECT_TRUE(circuit["parameters"]["max_iterations"].is_null());
  EXPECT_TRUE(circuit["score"].is_null());
}

TEST(CircuitJsonTest, StaysValidWithHostileTexts) {
  PruningReport report = SmallReport();
  report.model_name = "a\"b\\c\n\xff";
  report.task_json = "{not json";
  const Json circuit = Json::parse(CircuitJson(report));
  EXPECT_EQ(circuit["model"]["name"], "a\"b\\c\n\xEF\xBF\xBD");
  EXPECT_TRUE(circuit["task"].is_null());
}

TEST(DecisionsJsonlTest, WritesOneDecisionALine) {
  const std::vector<std::string> lines = Lines(DecisionsJsonl(SmallReport().decisions));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(Json::parse(lines[0]),
            Json::parse(R"({"index": 0, "name": "M1", "kind": "mlp", "layer": 1, "score": 34.5, "removed": false,
                            "iteration": 0, "direction": "backward", "heads_kept": 4, "mlps_kept": 2})"));
  EXPECT_EQ(Json::parse(lines[1]),
            Json::parse(R"({"index": 1, "name": "A1.1", "kind": "attention_head", "layer": 1, "head": 1,
                            "score": 99.25, "removed": true, "iteration": 0, "direction": "forward",
                            "heads_kept": 3, "mlps_kept": 2})"));
}

TEST(DecisionsJsonlTest, IsEmptyWithoutDecisions) { EXPECT_EQ(DecisionsJsonl({}), ""); }

TEST(SeqcontJsonTest, HasThePublishedLayout) {
  EXPECT_EQ(SeqcontJson(SmallReport().result.circuit), "{\"heads\":[[0,0],[0,1],[1,0]],\"mlps\":[1]}\n");
  EXPECT_EQ(SeqcontJson({}), "{\"heads\":[],\"mlps\":[]}\n");
}

TEST(CircuitDotTest, RanksTheCircuitsNodesByLayer) {
  const std::string dot = CircuitDot(SmallReport());
  EXPECT_THAT(dot, HasSubstr(R"("layer 0" -> "A0.0" -> "A0.1" [style=invis])"));
  EXPECT_THAT(dot, HasSubstr(R"("layer 1" -> "A1.0" -> "M1" [style=invis])"));
  EXPECT_THAT(dot, HasSubstr(R"("embed" -> "layer 0" -> "layer 1" -> "logits")"));
  EXPECT_THAT(dot, Not(HasSubstr("A1.1")));
  EXPECT_THAT(dot, Not(HasSubstr("M0")));
}

TEST(CircuitDotTest, QuotesHostileNames) {
  PruningReport report = SmallReport();
  report.model_name = "x\"];evil[\\\n";
  EXPECT_THAT(CircuitDot(report), HasSubstr("in x\\\"];evil[\\\\\xEF\xBF\xBD: 88.2"));
}

TEST(CircuitSvgTest, NamesTheCircuitsNodesOnly) {
  const std::string svg = CircuitSvg(SmallReport());
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
  const std::string svg = CircuitSvg(SmallReport());
  EXPECT_THAT(svg, HasSubstr(">Circuit for numerals in tiny</text>"));
  EXPECT_THAT(svg, HasSubstr(">88.2 % of the model&#39;s logit difference with 3 of 4 heads and 1 of 2 MLPs</text>"));
  EXPECT_THAT(svg,
              HasSubstr("threshold 12.5 \u00b7 seqcont means \u00b7 96 prompts \u00b7 converged after 2 decisions"));
  EXPECT_THAT(svg, HasSubstr("Nodes: A0.0, A0.1, A1.0, M1.</desc>"));
}

TEST(CircuitSvgTest, NamesTheSourceOfUploadedPrompts) {
  PruningReport report = SmallReport();
  report.task_json = R"({"pairs_dataset_sha256": "0123456789abcdef"})";
  EXPECT_THAT(CircuitSvg(report), HasSubstr(">Circuit for uploaded prompts 01234567 in tiny<"));
  report.task_json = R"({"published": {}})";
  EXPECT_THAT(CircuitSvg(report), HasSubstr(">Circuit for published prompts in tiny<"));
  report.task_json = "[]";
  EXPECT_THAT(CircuitSvg(report), HasSubstr(">Circuit for prompts in tiny<"));
}

TEST(CircuitSvgTest, EscapesHostileNames) {
  PruningReport report = SmallReport();
  report.model_name = "<script>&\"'\x01\xff]]>";
  const std::string svg = CircuitSvg(report);
  EXPECT_TRUE(IsWellFormedXml(svg));
  EXPECT_THAT(svg, HasSubstr("in &lt;script&gt;&amp;&quot;&#39;\xEF\xBF\xBD\xEF\xBF\xBD]]&gt;</title>"));
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
  PruningReport report = SmallReport();
  report.config = Config(GetParam().first, GetParam().second);
  report.result.circuit = AllNodes(report.config);
  const std::string svg = CircuitSvg(report);
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
  const std::string svg = CircuitSvg(SmallReport());
  std::smatch lower, higher;
  ASSERT_TRUE(std::regex_search(svg, lower, std::regex(R"re(<title>A0\.0</title><rect x="(\d+)" y="(\d+)")re")));
  ASSERT_TRUE(std::regex_search(svg, higher, std::regex(R"re(<title>A1\.0</title><rect x="(\d+)" y="(\d+)")re")));
  EXPECT_EQ(lower[1], higher[1]);
  EXPECT_GT(std::stoi(lower[2]), std::stoi(higher[2]));
  EXPECT_EQ(Count(svg, "fill=\"#2b5ea7\""), 3u + 1);  // the legend's too
}

}  // namespace
}  // namespace circuitd
