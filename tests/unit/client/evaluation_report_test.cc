#include "client/cli/evaluation_report.h"

#include <cmath>

#include "absl/strings/str_split.h"
#include "client/cli/node_text.h"
#include "client/cli/summary.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

std::string Text(const v1::EvaluationResult& result, size_t top = kEvaluationRows, const v1::EvaluationSpec& spec = {},
                 size_t width = 0) {
  v1::Job job;
  *job.mutable_evaluation() = result;
  *job.mutable_spec()->mutable_evaluation() = spec;
  Report report;
  AddEvaluation(job, top, report);
  return report.Render(width, ColourDepth::kNone);
}

// `circuits` on `tasks`; cell i has score 10 + i and faithfulness 0.1 + i / 100.
v1::EvaluationResult Result(std::vector<std::string> circuits, std::vector<std::string> tasks) {
  v1::EvaluationResult result;
  result.mutable_circuit_labels()->Add(circuits.begin(), circuits.end());
  result.mutable_task_labels()->Add(tasks.begin(), tasks.end());
  result.set_metric(v1::METRIC_LOGIT_DIFF);
  for (uint32_t i = 0; i < circuits.size() * tasks.size(); ++i) {
    v1::CircuitOnTask& cell = *result.add_cells();
    cell.set_circuit(static_cast<uint32_t>(i / tasks.size()));
    cell.set_task(static_cast<uint32_t>(i % tasks.size()));
    cell.set_circuit_metric(2);
    cell.set_model_metric(4);
    cell.set_empty_metric(-1);
    cell.set_score(10 + i);
    cell.set_faithfulness(0.1 + i / 100.0);
  }
  return result;
}

void AddDrop(const std::string& node, double percent, v1::CircuitOnTask& cell) {
  v1::Drop& drop = *cell.add_drops();
  *drop.mutable_node() = ParseNode(node).value_or(v1::Node());
  drop.set_drop(percent / 25);
  drop.set_drop_percent(percent);
}

TEST(EvaluationReportTest, ShowsTransferAsGridsOfCircuitsByTasks) {
  const std::string text = Text(Result({"numerals", "ioi"}, {"numerals", "months"}));
  EXPECT_THAT(text, ContainsRegex("Score in percent[^\n]*\n\nCIRCUIT +numerals +months\nnumerals +10.00 +11.00\n"
                                  "ioi +12.00 +13.00\n"));
  EXPECT_THAT(text, ContainsRegex("Faithfulness\n\nCIRCUIT +numerals +months\nnumerals +0.1000 +0.1100\n"));
}

TEST(EvaluationReportTest, ShowsOneTaskInDetailAlone) {
  const std::string text = Text(Result({"numerals"}, {"months"}));
  EXPECT_THAT(text, Not(HasSubstr("Score in percent")));
  EXPECT_THAT(text, ContainsRegex("numerals +months +2.0000 +4.0000 +-1.0000 +0.1000 +10.00\n"));
  EXPECT_THAT(text, Not(HasSubstr("RANDOM")));
}

TEST(EvaluationReportTest, SaysWhereAScoreIsUndefined) {
  v1::EvaluationResult result = Result({"a"}, {"t", "u"});
  result.mutable_cells(1)->clear_score();
  result.mutable_cells(1)->clear_faithfulness();
  EXPECT_THAT(Text(result), ContainsRegex("\na +10.00 +undefined\n"));
  result.mutable_cells(0)->clear_score();
  EXPECT_THAT(Text(result), Not(HasSubstr("SCORE")));
}

TEST(EvaluationReportTest, ComparesWithRandomCircuits) {
  v1::EvaluationResult result = Result({"a"}, {"t"});
  v1::Interval& random = *result.mutable_cells(0)->mutable_random();
  random.set_mean(0.5);
  random.set_low(-0.25);
  random.set_high(0.75);
  result.mutable_cells(0)->set_random_as_good(0.05);
  EXPECT_THAT(Text(result), ContainsRegex("0.5000 +-0.2500 to 0.7500 +5.0%\n"));
}

TEST(EvaluationReportTest, ShowsEveryNumberWholeIn80Columns) {
  v1::EvaluationResult result = Result({"numerals", "ioi"}, {"numerals", "greater-than", "months", "gender", "c", "d"});
  for (v1::CircuitOnTask& cell : *result.mutable_cells()) {
    cell.mutable_random()->set_mean(-0.5);
    cell.mutable_random()->set_low(-10.25);
    cell.mutable_random()->set_high(100.75);
    cell.set_random_as_good(0.05);
  }
  const std::string text = Text(result, kEvaluationRows, {}, /*width=*/80);
  EXPECT_THAT(text, Not(HasSubstr("~")));
  EXPECT_THAT(text, ContainsRegex("ioi +greater-than +2.0000 +4.0000 +-1.0000 +0.1700"));
  EXPECT_THAT(text, ContainsRegex("ioi +greater-than[^\n]* +-0.5000 +-10.2500 to 100.7500 +5.0%\n"));
  for (const absl::string_view line : absl::StrSplit(text, '\n')) EXPECT_LE(line.size(), 80u) << line;
}

TEST(EvaluationReportTest, SortsPartsByTheLargestDropOnAnyTask) {
  v1::EvaluationResult result = Result({"a"}, {"t", "u"});
  AddDrop("A1.0", 5, *result.mutable_cells(0));
  AddDrop("A1.0", 50, *result.mutable_cells(1));
  AddDrop("M1", 20, *result.mutable_cells(0));
  AddDrop("M1", -3, *result.mutable_cells(1));
  AddDrop("A0.1", 1, *result.mutable_cells(0));
  EXPECT_THAT(Text(result),
              ContainsRegex("WITHOUT +t +u\nA1.0 +\\+5.00 +\\+50.00\nM1 +\\+20.00 +-3.00\nA0.1 +\\+1.00\n"));
  const std::string cut = Text(result, 2);
  EXPECT_THAT(cut, Not(HasSubstr("A0.1")));
  EXPECT_THAT(cut, HasSubstr("in percent of the model; the 2 largest of 3: --top N\n"));
}

TEST(EvaluationReportTest, SaysWhereDropsAreThatTheServerHasLeftOut) {
  v1::EvaluationSpec spec;
  EXPECT_THAT(Text(Result({"a"}, {"t"}), kEvaluationRows, spec), Not(HasSubstr("evaluation.json")));
  spec.set_drop_one(true);
  EXPECT_THAT(Text(Result({"a"}, {"t"}), kEvaluationRows, spec), HasSubstr("evaluation.json has them\n"));
  spec.set_drop_one(false);
  spec.set_knockout_subsets(2);
  EXPECT_THAT(Text(Result({"a"}, {"t"}), kEvaluationRows, spec), HasSubstr("evaluation.json has them\n"));
}

TEST(EvaluationReportTest, ShowsDropsInTheMetricsUnitWhereThereIsNoPercentage) {
  v1::EvaluationResult result = Result({"a"}, {"t"});
  result.mutable_cells(0)->set_model_metric(-2);
  AddDrop("A1.0", 50, *result.mutable_cells(0));
  EXPECT_THAT(Text(result), ContainsRegex("loses without a part, logit_diff\n\nWITHOUT +t\nA1.0 +\\+2.0000\n"));
}

TEST(EvaluationReportTest, NamesEdgesThatAreDropped) {
  v1::EvaluationResult result = Result({"a"}, {"t"});
  v1::Drop& drop = *result.mutable_cells(0)->add_drops();
  *drop.mutable_edge()->mutable_sender() = ParseNode("embed").value_or(v1::Node());
  *drop.mutable_edge()->mutable_receiver() = ParseNode("A0.1.k").value_or(v1::Node());
  drop.set_drop_percent(7);
  EXPECT_THAT(Text(result), ContainsRegex("embed->A0.1.k +\\+7.00\n"));
}

TEST(EvaluationReportTest, ShowsTheWorstOfTheKnockouts) {
  v1::EvaluationResult result = Result({"a"}, {"t"});
  result.mutable_cells(0)->set_incompleteness(0.75);
  for (const double circuit : {1.0, 3.0}) {
    v1::Knockout& knockout = *result.mutable_cells(0)->add_knockouts();
    knockout.set_size(static_cast<uint64_t>(circuit));
    knockout.set_circuit_metric(circuit);
    knockout.set_model_metric(1.5);
  }
  EXPECT_THAT(Text(result), ContainsRegex("a +t +2 +0.7500 +1.5000 +3\n"));
}

TEST(EvaluationReportTest, ShowsCurvesWithTheirAreas) {
  v1::EvaluationResult result = Result({"a"}, {"t", "u"});
  for (v1::CircuitOnTask& cell : *result.mutable_cells()) {
    v1::CurvePoint& point = *cell.add_curve();
    point.set_fraction(0.001);
    point.set_edge_count(32);
    point.set_faithfulness(0.25 + cell.task());
    cell.set_cpr(0.5);
    cell.set_cmd(0.125);
  }
  EXPECT_THAT(Text(result), ContainsRegex(" 0.1% +32 +0.2500 +1.2500\n +CPR +0.5000 +0.5000\n +CMD +0.1250 +0.1250\n"));
}

TEST(EvaluationReportTest, SaysWhereACurveIsUndefined) {
  v1::EvaluationResult result = Result({"a"}, {"t"});
  v1::CircuitOnTask& cell = *result.mutable_cells(0);
  cell.add_curve()->set_fraction(0.001);
  cell.mutable_curve(0)->set_faithfulness(NAN);
  cell.set_cpr(NAN);
  cell.set_cmd(NAN);
  EXPECT_THAT(Text(result), ContainsRegex(" 0.1% +0 +undefined\n +CPR +undefined\n +CMD +undefined\n"));
}

TEST(EvaluationReportTest, SurvivesAServersNumbersThatMakeNoSense) {
  v1::EvaluationResult result = Result({"a"}, {"t"});
  result.mutable_cells(0)->set_circuit(4'000'000'000);
  result.mutable_cells(0)->set_task(7);
  result.set_metric(static_cast<v1::Metric>(99));
  EXPECT_THAT(Text(result), HasSubstr("4000000001"));
  EXPECT_NE(Text({}), "");
}

TEST(EdgeCircuitSummaryTest, SaysSizeMetricsAndFaithfulness) {
  v1::EdgeCircuitResult result;
  result.set_edge_count(1200);
  result.set_node_count(45);
  result.set_decision_count(32'491);
  result.set_metric(v1::METRIC_KL_DIV);
  result.set_circuit_metric(0.5);
  result.set_model_metric(0);
  result.set_empty_metric(2);
  result.set_faithfulness(0.75);
  EXPECT_EQ(EdgeCircuitSummary(result),
            "Circuit: 1,200 edges, 45 nodes (32,491 candidates)\n"
            "kl_div: 0.5000 of the circuit, 0.0000 of the whole model, 2.0000 with all edges ablated; faithfulness "
            "0.7500\n");
  result.clear_faithfulness();
  result.clear_decision_count();
  EXPECT_THAT(EdgeCircuitSummary(result), HasSubstr("45 nodes\n"));
  EXPECT_THAT(EdgeCircuitSummary(result), HasSubstr("faithfulness undefined\n"));
}

}  // namespace
}  // namespace circuitd::client
