// From the files of jobs to what a report is made of.
#include "server/report/report_files.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/report/reported.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kEdgeLine[] =
    R"({"index":0,"sender":"A0.1","receiver":"M1","metric":0.5,"criterion":0.25,"removed":false,"edges_kept":7})";

std::string HeadsText(const std::string& label) {
  return HeadDetailsJson({HeadDetails{label, 7, {"a"}, 1, {{1, 0, {1}, {}}}}});
}

CircuitDocument WithResults(CircuitDocument document, const std::string& results) {
  document.results_json = results;
  return document;
}

ReportFolder EdgeFolder() {
  return {"found",
          "mine",
          {{"circuit.json", CircuitJson(WithResults(EdgeDocument(), R"({"decision_count":1})"))},
           {"decisions.jsonl", kEdgeLine},
           {"heads.json", HeadsText("months")},
           {"circuit.svg", "<svg>"}}};
}

ReportFolder NodeFolder() { return {"nodes", "nodes", {{"circuit.json", CircuitJson(NodeDocument())}}}; }

std::string Evaluation() {
  return EvaluationText(
      R"([{"label":"A","node_count":4,"edge_count":null},{"label":"B","node_count":3,"edge_count":5}])",
      R"([{"circuit":0,"task":0,"circuit_metric":6.5,"model_metric":7.5,"empty_metric":0.5}])");
}

// Of a judged circuit there is no more than what it is.
std::string Judged(CircuitDocument document) {
  document.parameters_json.clear();
  document.scores.reset();
  return CircuitJson(document);
}

ReportFolder EvaluationFolder() {
  return {"judged",
          "ignored",
          {{"evaluation.json", Evaluation()},
           {"circuit-0.json", Judged(NodeDocument())},
           {"circuit-1.json", Judged(EdgeDocument())},
           {"circuit.json", "of what all share"},
           {"heads.json", HeadsText("numerals")}}};
}

std::string Error(const std::vector<ReportFolder>& folders) {
  const absl::Status status = ReadReportFiles(folders).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(ReportFilesTest, HaveACircuitWithAllThatIsBesideIt) {
  const auto content = ReadReportFiles({EdgeFolder()});
  ASSERT_TRUE(content.ok()) << content.status();
  ASSERT_EQ(content->circuits.size(), 1u);
  const ReportedCircuit& circuit = content->circuits[0];
  EXPECT_EQ(circuit.label, "mine");
  EXPECT_EQ(circuit.document.circuit.edges->size(), 5);
  EXPECT_EQ(std::get<std::vector<LoggedEdgeDecision>>(circuit.decisions).size(), 1u);
  EXPECT_EQ(circuit.heads[0].label, "months");
  EXPECT_FALSE(circuit.evaluated.has_value());
  EXPECT_FALSE(content->evaluation.has_value());
}

TEST(ReportFilesTest, CallACircuitByItsPromptsWhereNobodyNamesIt) {
  ReportFolder folder = EdgeFolder();
  folder.label.clear();
  const auto content = ReadReportFiles({folder});
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->circuits[0].label, "numerals");
}

TEST(ReportFilesTest, HaveAnEvaluationWithItsCircuits) {
  const auto content = ReadReportFiles({EvaluationFolder()});
  ASSERT_TRUE(content.ok()) << content.status();
  ASSERT_EQ(content->circuits.size(), 2u);
  EXPECT_EQ(content->circuits[0].label, "A");
  EXPECT_EQ(content->circuits[1].label, "B");
  EXPECT_EQ(content->circuits[1].evaluated, 1u);
  EXPECT_EQ(content->heads[0].label, "numerals");
  EXPECT_EQ(content->evaluation->tasks[0].label, "months");
}

TEST(ReportFilesTest, OfAnEvaluationAloneAreEnough) {
  const auto content = ReadReportFiles({{"", "", {{"evaluation.json", Evaluation()}}}});
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_TRUE(content->circuits.empty());
  EXPECT_FALSE(ReportHtml(*content).empty());
}

TEST(ReportFilesTest, GiveAJudgedCircuitWhatItsOwnFolderKnows) {
  ReportFolder again = EdgeFolder();
  again.label = "again";
  const auto content = ReadReportFiles({EdgeFolder(), EvaluationFolder(), again});
  ASSERT_TRUE(content.ok()) << content.status();
  ASSERT_EQ(content->circuits.size(), 3u);
  const ReportedCircuit& circuit = content->circuits[1];
  EXPECT_EQ(circuit.label, "B");
  EXPECT_EQ(circuit.evaluated, 1u);
  EXPECT_TRUE(circuit.document.scores.has_value());
  EXPECT_TRUE(std::holds_alternative<std::vector<LoggedEdgeDecision>>(circuit.decisions));
  EXPECT_EQ(circuit.heads[0].label, "months");
  EXPECT_EQ(content->circuits[2].label, "again");
  EXPECT_FALSE(content->circuits[2].evaluated.has_value());
}

TEST(ReportFilesTest, WithoutDimensionsAreOfTheOthersModel) {
  const ReportFolder published = {"published.json", "published", {{"circuit.json", SeqcontJson({Node::Head(1, 1)})}}};
  EXPECT_THAT(Error({published}), HasSubstr("published.json/circuit.json: "));
  const auto content = ReadReportFiles({published, NodeFolder()});
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->circuits[0].label, "published");
  EXPECT_EQ(content->circuits[0].document.config.n_layers, 2);
  EXPECT_TRUE(ReadReportFiles({published}, ModelIdentity{"tiny", "", GraphConfig(2, 2)}).ok());
  EXPECT_THAT(Error({{"other", "", {{"circuit.json", SeqcontJson({Node::Head(7, 1)})}}}, NodeFolder()}),
              StartsWith("other/circuit.json: heads[0]"));
}

TEST(ReportFilesTest, OfDifferentModelsAreRefused) {
  CircuitDocument other = NodeDocument();
  other.config = GraphConfig(3, 2);
  EXPECT_THAT(Error({NodeFolder(), {"larger", "", {{"circuit.json", CircuitJson(other)}}}}),
              StartsWith("larger/circuit.json: is of another model, tiny of 3 layers"));
  other = NodeDocument();
  other.model_sha256 = std::string(64, 'b');
  EXPECT_THAT(Error({NodeFolder(), {"trained", "", {{"circuit.json", CircuitJson(other)}}}}),
              StartsWith("trained/circuit.json: is of another model"));
}

TEST(ReportFilesTest, AreRefusedByTheirNames) {
  EXPECT_EQ(Error({{"empty", "", {}}}), "empty: has neither circuit.json nor evaluation.json");
  EXPECT_THAT(Error({EvaluationFolder(), {"more", "", {{"evaluation.json", Evaluation()}}}}),
              StartsWith("more/evaluation.json: is a second evaluation"));
  EXPECT_THAT(Error({{"x", "", {{"evaluation.json", "{}"}}}}), StartsWith("x/evaluation.json: schema"));
  ReportFolder folder = EdgeFolder();
  folder.files[1].bytes = "{}";
  EXPECT_THAT(Error({folder}), StartsWith("found/decisions.jsonl: line 1"));
  folder = EdgeFolder();
  folder.files[2].bytes = "{}";
  EXPECT_THAT(Error({folder}), StartsWith("found/heads.json: schema"));
  folder = EvaluationFolder();
  folder.files[1].bytes = Judged(EdgeDocument());
  EXPECT_THAT(Error({folder}), StartsWith("judged/circuit-0.json: is not the circuit that evaluation.json describes"));
}

// What is wrong with these lines beside this circuit.
std::string DecisionsError(const CircuitDocument& document, const std::string& decisions) {
  return Error({{"again", "", {{"circuit.json", CircuitJson(document)}, {"decisions.jsonl", decisions}}}});
}

std::string NodeLine(int index, const std::string& name, bool removed) {
  return absl::StrCat(R"({"index":)", index, R"(,"name":")", name, R"(","score":90,"removed":)",
                      removed ? "true" : "false",
                      R"(,"iteration":0,"direction":"backward","heads_kept":3,"mlps_kept":1})", "\n");
}

TEST(ReportFilesTest, RefuseDecisionsOfAnotherJob) {
  EXPECT_EQ(DecisionsError(EdgeDocument(), kEdgeLine),
            "again/decisions.jsonl: has 1 decisions, circuit.json says 0: of another job");
  EXPECT_EQ(DecisionsError(WithResults(EdgeDocument(), ""), kEdgeLine),
            "again/decisions.jsonl: has 1 decisions, circuit.json says of none: of another job");
  EXPECT_EQ(DecisionsError(NodeDocument(), NodeLine(0, "M0", true)),
            "again/decisions.jsonl: has 1 decisions, circuit.json says 2: of another job");
  const std::string one = R"({"decision_count":1})";
  EXPECT_EQ(DecisionsError(WithResults(NodeDocument(), one), kEdgeLine),
            "again/decisions.jsonl: has decisions about edges, circuit.json has none: of another job");
  EXPECT_EQ(DecisionsError(WithResults(EdgeDocument(), one), NodeLine(0, "M0", true)),
            "again/decisions.jsonl: has decisions about nodes, circuit.json has edges: of another job");
  EXPECT_EQ(DecisionsError(NodeDocument(), NodeLine(0, "M0", true) + NodeLine(1, "M1", true)),
            "again/decisions.jsonl: removes M1, which circuit.json has: of another job");
  EXPECT_EQ(DecisionsError(NodeDocument(), NodeLine(0, "M0", true) + NodeLine(1, "A1.1", false)),
            "again/decisions.jsonl: keeps A1.1, which circuit.json doesn't have: of another job");
  EXPECT_EQ(DecisionsError(WithResults(EdgeDocument(), one), absl::StrReplaceAll(kEdgeLine, {{"false", "true"}})),
            "again/decisions.jsonl: removes A0.1->M1, which circuit.json has: of another job");
}

TEST(ReportFilesTest, TakeTheLastDecisionAboutANode) {
  const std::string lines = NodeLine(0, "M0", false) + NodeLine(1, "M0", true);
  const auto content =
      ReadReportFiles({{"", "", {{"circuit.json", CircuitJson(NodeDocument())}, {"decisions.jsonl", lines}}}});
  EXPECT_TRUE(content.ok()) << content.status();
}

TEST(ReportFilesTest, HaveEdgesThatLeftAfterTheyWereKept) {
  const std::string line = absl::StrReplaceAll(kEdgeLine, {{"A0.1", "embed"}});
  const CircuitDocument document = WithResults(EdgeDocument(), R"({"decision_count":1})");
  const auto content =
      ReadReportFiles({{"", "", {{"circuit.json", CircuitJson(document)}, {"decisions.jsonl", line}}}});
  EXPECT_TRUE(content.ok()) << content.status();
}

TEST(ReportFilesTest, OfMoreCircuitsThanAReportHasAreRefused) {
  std::vector<ReportFolder> folders(kMostReportedCircuits, NodeFolder());
  EXPECT_TRUE(ReadReportFiles(folders).ok());
  folders.push_back(NodeFolder());
  folders.back().path = "last";
  EXPECT_THAT(Error(folders), StartsWith("last: is one too many"));
}

}  // namespace
}  // namespace circuitd
