// The data that the page draws.
#include "server/report/report_data.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/report/reported.h"

namespace circuitd {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<LoggedNodeDecision> NodeDecisions() {
  return {{Node::Mlp(0), 90.1234567, true, 0, true, 4, 1},
          {Node::Head(0, 1), 40, false, 0, true, 4, 1},
          {Node::Head(1, 1), kNan, false, 1, false, 4, 1}};
}

TEST(ReportDataTest, HasANodeCircuit) {
  const json data = DataOf(ContentOf(Reported(NodeDocument())));
  EXPECT_EQ(data["title"], "Circuit for numerals in tiny");
  EXPECT_EQ(data["model"], json({{"name", "tiny"}, {"n_layers", 2}, {"n_heads", 2}}));
  EXPECT_EQ(data["evaluation"], nullptr);
  const json& circuit = data["circuits"][0];
  EXPECT_EQ(circuit["label"], "numerals");
  EXPECT_EQ(circuit["method"], "node_pruning");
  EXPECT_EQ(circuit["score_line"], "88.2 % of the model's logit difference with 3 of 4 heads and 1 of 2 MLPs");
  EXPECT_THAT(circuit["nodes"], ElementsAre(1, 2, 4, 6));  // A0.0, A0.1, A1.0, M1
  EXPECT_EQ(circuit["edges"], nullptr);
  EXPECT_EQ(circuit["decisions"], nullptr);
  EXPECT_EQ(circuit["charts"], json::array());
  EXPECT_THAT(circuit["facts"].dump(), HasSubstr(R"(["threshold","12.5"])"));
  EXPECT_THAT(circuit["facts"].dump(), HasSubstr(R"(["created","2024-05-06T07:08:09Z"])"));
}

TEST(ReportDataTest, HasAnEdgeCircuitTheStrongestFirst) {
  const json data = DataOf(ContentOf(Reported(EdgeDocument())));
  const json& edges = data["circuits"][0]["edges"];
  EXPECT_EQ(edges["count"], 5);
  EXPECT_EQ(edges["total"], EdgeCount(GraphConfig(2, 2)));
  EXPECT_EQ(edges["score"], "attribution score");
  // M1->logits, A1.0->M1, A0.1->M1, A0.1->A1.0.q, embed->A0.1.v.
  EXPECT_THAT(edges["sender"], ElementsAre(6, 4, 2, 2, 0));
  EXPECT_THAT(edges["receiver"], ElementsAre(7, 6, 6, 4, 2));
  EXPECT_THAT(edges["input"], ElementsAre(0, 0, 0, 1, 3));
  EXPECT_THAT(edges["value"], ElementsAre(-3.2, 1.6, -0.8, 0.4, -0.2));
  const json& chart = data["circuits"][0]["charts"][0];
  EXPECT_TRUE(chart["x_log"] && chart["y_log"]);
  EXPECT_THAT(chart["lines"][0]["x"], ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(chart["lines"][0]["y"], ElementsAre(3.2, 1.6, 0.8, 0.4, 0.2, 0.0123457, 3e-9));
  EXPECT_EQ(chart["dots"][0]["x"], json({5}));
  EXPECT_EQ(chart["threshold"], nullptr);
}

TEST(ReportDataTest, ShowsHowNodePruningDecided) {
  const json data = DataOf(ContentOf(Reported(NodeDocument(), NodeDecisions())));
  const json& decisions = data["circuits"][0]["decisions"];
  EXPECT_EQ(decisions["kind"], "nodes");
  EXPECT_EQ(decisions["count"], 3);
  EXPECT_EQ(decisions["threshold"], 87.5);
  EXPECT_THAT(decisions["index"], ElementsAre(0, 1, 2));
  EXPECT_THAT(decisions["node"], ElementsAre(3, 2, 5));
  EXPECT_THAT(decisions["score"], ElementsAre(90.1235, 40, nullptr));
  EXPECT_THAT(decisions["removed"], ElementsAre(1, 0, 0));
  EXPECT_THAT(decisions["backward"], ElementsAre(1, 1, 0));
  const json& chart = data["circuits"][0]["charts"][0];
  EXPECT_EQ(chart["threshold"], json({{"y", 87.5}, {"label", "threshold 12.5"}}));
  EXPECT_TRUE(chart["lines"][0]["step"]);
  EXPECT_THAT(chart["lines"][0]["y"], ElementsAre(90.1235, 90.1235, 90.1235));
  EXPECT_EQ(chart["dots"][0], json({{"label", "stays"}, {"count", 1}, {"x", {1}}, {"y", {40}}}));
  EXPECT_EQ(chart["dots"][1], json({{"label", "leaves"}, {"count", 1}, {"x", {0}}, {"y", {90.1235}}}));
}

TEST(ReportDataTest, ShowsHowAcdcDecided) {
  CircuitDocument document = EdgeDocument();
  document.scores.reset();
  document.parameters_json = R"({"method":"acdc","threshold":0.01,"metric":"kl_div"})";
  document.results_json = R"({"model_metric":0})";
  const Edge last = {Node::Mlp(1), Node::Logits()}, other = {Node::Embed(), Node::Logits()};
  const std::vector<LoggedEdgeDecision> decided = {{last, 0.5, 0.5, false, 10}, {other, 0.002, 0.002, true, 9}};
  const json data = DataOf(ContentOf(Reported(document, decided)));
  const json& circuit = data["circuits"][0];
  EXPECT_EQ(circuit["decisions"]["criterion"], "growth of the loss");
  EXPECT_THAT(circuit["decisions"]["criterion_value"], ElementsAre(0.5, 0.002));
  EXPECT_THAT(circuit["decisions"]["edges_kept"], ElementsAre(10, 9));
  EXPECT_EQ(circuit["edges"]["score"], "growth of the loss");
  EXPECT_THAT(circuit["edges"]["value"], ElementsAre(0.5, nullptr, nullptr, nullptr, nullptr));
  ASSERT_EQ(circuit["charts"].size(), 2u);
  EXPECT_EQ(circuit["charts"][0]["threshold"]["y"], 0.01);
  EXPECT_EQ(circuit["charts"][1]["y"], "kl_div");
  EXPECT_THAT(circuit["charts"][1]["lines"][0]["y"], ElementsAre(0, 0.002));
}

TEST(ReportDataTest, ShowsEdgesOfEdgePruningByWhatIsLostWithoutThem) {
  CircuitDocument document = EdgeDocument();
  document.scores.reset();
  document.parameters_json = R"({"method":"edge_pruning","threshold":0.8})";
  const std::vector<LoggedEdgeDecision> decided = {{{Node::Head(1, 0), Node::Mlp(1)}, 6, 0.75, false, 10},
                                                   {{Node::Mlp(1), Node::Logits()}, 1, 0.125, false, 10}};
  const json data = DataOf(ContentOf(Reported(document, decided)));
  const json& circuit = data["circuits"][0];
  EXPECT_EQ(circuit["edges"]["sender"][0], 6);
  EXPECT_THAT(circuit["edges"]["value"], ElementsAre(0.875, 0.25, nullptr, nullptr, nullptr));
  EXPECT_THAT(circuit["decisions"]["criterion_value"], ElementsAre(0.75, 0.125));
  ASSERT_EQ(circuit["charts"].size(), 1u);
  EXPECT_EQ(circuit["charts"][0]["title"], "Logit difference left with each edge patched");
}

TEST(ReportDataTest, HasHeads) {
  HeadDetails set{"months", 7, {"a", "\n"}, 1, {{1, 0, {1, 0.2f, 0.8f}, {{1, {" b"}}}}}};
  ReportedCircuit circuit = Reported(NodeDocument());
  circuit.heads = {set};
  const json data = DataOf(ContentOf(circuit));
  const json& heads = data["circuits"][0]["heads"][0];
  EXPECT_THAT(heads["tokens"], ElementsAre("a", "\\n"));
  EXPECT_EQ(heads["prompt_count"], 7);
  std::string bytes;
  ASSERT_TRUE(absl::Base64Unescape(heads["heads"]["4"]["pattern"].get<std::string>(), &bytes));
  EXPECT_EQ(bytes, "\xff\x33\xcc");
  EXPECT_EQ(heads["heads"]["4"]["writes"], json::parse(R"([[1,[" b"]]])"));
}

TEST(ReportDataTest, HasAnEvaluation) {
  const auto evaluation = ParseEvaluation(EvaluationText(
      R"([{"label":"a","node_count":1,"edge_count":1},{"label":"b","node_count":1,"edge_count":1}])",
      R"([{"circuit":1,"task":0,"circuit_metric":6.5,"score":null,"random":{"mean":1,"low":0,"high":2,"as_good":0.5},)"
      R"("drops":[{"node":"A0.1","drop":3,"drop_percent":40},{"edge":"A0.1->A1.0.k","drop":0.75,"drop_percent":null}],)"
      R"("curve":{"cpr":0.5,"cmd":0.25,"points":[{"fraction":1,"edge_count":9,"faithfulness":1},)"
      R"({"fraction":0.01,"edge_count":1,"faithfulness":0.125}]}}])"));
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  ReportContent content = ContentOf(Reported(NodeDocument()));
  content.circuits[0].evaluated = 1;
  content.evaluation = *evaluation;
  const json data = DataOf(content)["evaluation"];
  EXPECT_TRUE(data["higher_is_better"]);
  EXPECT_THAT(data["shown"], ElementsAre(nullptr, 0));
  EXPECT_THAT(data["circuits"], ElementsAre("a", "b"));
  EXPECT_EQ(data["tasks"], json::parse(R"([{"label":"months","prompt_count":96}])"));
  const json& cell = data["cells"][0];
  EXPECT_EQ(cell["circuit_metric"], 6.5);
  EXPECT_EQ(cell["model_metric"], nullptr);
  EXPECT_EQ(cell["random"], json::parse(R"({"mean":1,"low":0,"high":2,"as_good":0.5})"));
  EXPECT_EQ(cell["drops"], json::parse(R"({"sender":[2,2],"receiver":[null,4],"input":[0,2],"drop":[3,0.75],)"
                                       R"("percent":[40,null]})"));
  EXPECT_EQ(cell["cpr"], 0.5);
  EXPECT_TRUE(data["charts"][0]["x_log"]);
  EXPECT_EQ(data["charts"][0]["lines"][0],
            json::parse(R"({"label":"b","count":2,"step":false,"x":[0.01,1],"y":[0.125,1]})"));
  content.evaluation->metric = "kl_div";
  EXPECT_FALSE(DataOf(content)["evaluation"]["higher_is_better"]);
}

TEST(ReportDataTest, HasThePromptsSourceWithoutWhatNobodyChose) {
  const std::string source =
      R"({"task":{"variant":"VARIANT_UNSPECIFIED","task":"months","of":[{"x":"X_UNSPECIFIED"}]},"count":2})";
  const std::string shown = R"({"task":{"task":"months","of":[{}]},"count":2})";
  CircuitDocument document = NodeDocument();
  document.task_json = source;
  ReportContent content = ContentOf(Reported(document));
  content.evaluation.emplace().tasks = {{"months", 2, source}};
  const json data = DataOf(content);
  EXPECT_THAT(data["circuits"][0]["facts"], Contains(json({"prompts' source", shown})));
  EXPECT_THAT(data["evaluation"]["facts"], Contains(json({"prompts of months", shown})));
}

TEST(ReportDataTest, IsCalledByWhatThereIsOfAnEvaluation) {
  ReportContent content = ContentOf(Reported(NodeDocument()));
  content.evaluation.emplace();
  EXPECT_EQ(ReportTitle(content), "numerals in tiny");
  content.evaluation->circuits = {{"judged", 4, std::nullopt}};
  EXPECT_EQ(ReportTitle(content), "judged in tiny");
  content.circuits.clear();
  content.evaluation->circuits.clear();
  EXPECT_EQ(ReportTitle(content), "0 circuits");
  EXPECT_EQ(DataOf(content)["evaluation"]["circuits"], json::array());
}

TEST(ReportDataTest, ShowsWhatStaysFirstOfVeryManyDecisions) {
  const LoggedNodeDecision leaves{Node::Mlp(0), 50, true, 0, true, 1, 1}, stays{Node::Mlp(1), 60, false, 0, true, 1, 1};
  std::vector<LoggedNodeDecision> decided(kMostShownDecisions + 5, leaves);
  decided.back() = stays;
  const json data = DataOf(ContentOf(Reported(NodeDocument(), decided)));
  const json& decisions = data["circuits"][0]["decisions"];
  EXPECT_EQ(decisions["count"], kMostShownDecisions + 5);
  ASSERT_EQ(decisions["index"].size(), kMostShownDecisions);
  EXPECT_EQ(decisions["index"].back(), kMostShownDecisions + 4);
  EXPECT_EQ(decisions["index"][kMostShownDecisions - 2], kMostShownDecisions - 2);
}

TEST(ReportDataTest, KeepsTheExtremesOfLongSeries) {
  std::vector<LoggedNodeDecision> decided(40'000, {Node::Mlp(0), 50, true, 0, true, 1, 1});
  decided[12'345].score = -7;
  decided[23'456].score = 107;
  const json data = DataOf(ContentOf(Reported(NodeDocument(), decided)));
  for (const json& series :
       {data["circuits"][0]["charts"][0]["lines"][0], data["circuits"][0]["charts"][0]["dots"][0]}) {
    const auto x = series["x"].get<std::vector<double>>(), y = series["y"].get<std::vector<double>>();
    ASSERT_LE(x.size(), kMostChartPoints);
    ASSERT_EQ(x.size(), y.size());
    EXPECT_EQ(series["count"], 40'000);
    EXPECT_TRUE(std::is_sorted(x.begin(), x.end()));
    EXPECT_EQ(x.front(), 0);
    EXPECT_EQ(x.back(), 39'999);
    EXPECT_EQ(x[static_cast<size_t>(std::min_element(y.begin(), y.end()) - y.begin())], 12'345);
    EXPECT_EQ(x[static_cast<size_t>(std::max_element(y.begin(), y.end()) - y.begin())], 23'456);
  }
}

TEST(ReportDataTest, ShowsTheStrongestOfVeryManyEdges) {
  CircuitDocument document = EdgeDocument();
  document.config = GraphConfig(12, 12);
  document.circuit.edges = EdgeSet::All(document.config);
  document.circuit.nodes = AllNodes(document.config);
  document.scores.emplace(document.config);
  document.scores->Set(0, 0, 0.5);
  document.scores->Set(5, 0, -0.75);
  const json data = DataOf(ContentOf(Reported(document)));
  const json& edges = data["circuits"][0]["edges"];
  EXPECT_EQ(edges["count"], 32'491);
  EXPECT_EQ(edges["value"].size(), kMostShownEdges);
  EXPECT_EQ(edges["value"][0], -0.75);
  EXPECT_EQ(edges["value"][1], 0.5);
}

TEST(ReportDataTest, BoundsTheDropsOfAllCells) {
  LoggedEvaluation evaluation;
  evaluation.config = GraphConfig(2, 2);
  evaluation.circuits = {{"a", 1, std::nullopt}};
  evaluation.tasks = {{"x", 1, ""}, {"y", 1, ""}};
  for (size_t task = 0; task < 2; ++task) {
    LoggedEvaluation::Cell cell;
    cell.task = task;
    cell.drops.assign(kMostShownDrops, {Node::Mlp(0), 0.5, kNan});
    cell.drops.back().drop = -9;
    evaluation.cells.push_back(cell);
  }
  ReportContent content;
  content.evaluation = evaluation;
  const json data = DataOf(content);
  for (const json& cell : data["evaluation"]["cells"]) {
    ASSERT_EQ(cell["drops"]["drop"].size(), kMostShownDrops / 2);
    EXPECT_EQ(cell["drops"]["drop"].back(), -9);
  }
}

}  // namespace
}  // namespace circuitd
