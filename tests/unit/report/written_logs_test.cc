// What jobs write is read as it was.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/circuit/edges/edge_decisions_jsonl.h"
#include "server/circuit/evaluation/evaluation_json.h"
#include "server/circuit/node_pruning_json.h"
#include "server/report/logged_decisions.h"
#include "server/report/logged_evaluation.h"
#include "tests/unit/graph/small_graphs.h"

namespace circuitd {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
const ModelConfig kModel = GraphConfig(2, 2);

TEST(WrittenLogsTest, OfNodePruningAreReadAsTheyWere) {
  const std::vector<PruningDecision> written = {
      {0, Node::Mlp(1), 0.1 + 0.2, true, 0, SweepDirection::kBackward, 4, 1, 5},
      {1, Node::Head(1, 1), kNan, false, 3, SweepDirection::kForward, 3, 1, 4}};
  const auto read = ParseDecisions(DecisionsJsonl(written), kModel);
  ASSERT_TRUE(read.ok()) << read.status();
  const auto& decisions = std::get<std::vector<LoggedNodeDecision>>(*read);
  ASSERT_EQ(decisions.size(), written.size());
  for (size_t i = 0; i < written.size(); ++i) {
    EXPECT_EQ(decisions[i].node, written[i].node);
    EXPECT_TRUE(decisions[i].score == written[i].score || (i == 1 && std::isnan(decisions[i].score)));
    EXPECT_EQ(decisions[i].removed, written[i].removed);
    EXPECT_EQ(decisions[i].iteration, written[i].iteration);
    EXPECT_EQ(decisions[i].backward, written[i].direction == SweepDirection::kBackward);
    EXPECT_EQ(decisions[i].heads_kept, written[i].heads_kept);
    EXPECT_EQ(decisions[i].mlps_kept, written[i].mlps_kept);
  }
}

TEST(WrittenLogsTest, OfEdgesAreReadAsTheyWere) {
  const Edge edges[] = {{Node::Mlp(1), Node::Logits()}, {Node::Embed(), Node::Head(1, 0, Node::Input::kK)}};
  const auto read = ParseDecisions(
      EdgeDecisionsJsonl({{0, edges[0], 0.1 + 0.2, -1e-300, false, 9, 1}, {1, edges[1], kNan, 7, true, 8, 0}}), kModel);
  ASSERT_TRUE(read.ok()) << read.status();
  const auto& decisions = std::get<std::vector<LoggedEdgeDecision>>(*read);
  ASSERT_EQ(decisions.size(), 2u);
  EXPECT_EQ(decisions[0].edge, edges[0]);
  EXPECT_EQ(decisions[0].metric, 0.1 + 0.2);
  EXPECT_EQ(decisions[0].criterion, -1e-300);
  EXPECT_EQ(decisions[1].edge, edges[1]);
  EXPECT_TRUE(std::isnan(decisions[1].metric));
  EXPECT_TRUE(decisions[1].removed);
  EXPECT_EQ(decisions[1].edges_kept, 8);
}

TEST(WrittenLogsTest, OfAnEvaluationAreReadAsTheyWere) {
  EvaluationDocument document;
  document.model_name = "tiny";
  document.config = kModel;
  document.circuits = {{"a", 3, std::nullopt}, {"</b>", 2, 5}};
  document.tasks = {{"numerals", 96, R"({"task":{"seed":7}})"}};
  document.options.curve = document.options.drop_one = true;
  document.created = "2024-05-06T07:08:09Z";
  CircuitOnTask cell;
  cell.circuit = 1;
  cell.circuit_metric = 0.1 + 0.2;
  cell.model_metric = 2;
  cell.empty_metric = kNan;
  cell.score = 15;
  cell.random = Interval{1, 2, 3, 4};
  cell.random_as_good = 0.25;
  cell.drops = {{Node::Mlp(0), 0.5}, {Edge{Node::Head(0, 1), Node::Head(1, 0, Node::Input::kV)}, -1}};
  cell.knockouts = {{1, 2, 3}};
  cell.incompleteness = 0.75;
  cell.curve = {{0.001, 3, 1, 0.5}};
  cell.cpr = 0.5;
  cell.cmd = kNan;
  document.result.cells = {CircuitOnTask(), cell};
  const auto read = ParseEvaluation(EvaluationJson(document));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->model_name, "tiny");
  EXPECT_EQ(read->config.d_vocab, kModel.d_vocab);
  EXPECT_EQ(read->metric, "logit_diff");
  EXPECT_EQ(read->ablation, "mean");
  EXPECT_EQ(read->circuits[1].label, "</b>");
  EXPECT_EQ(read->circuits[1].edge_count, 5);
  EXPECT_EQ(read->tasks[0].prompts_json, R"({"task":{"seed":7}})");
  EXPECT_EQ(read->created, document.created);
  ASSERT_EQ(read->cells.size(), 2u);
  EXPECT_FALSE(read->cells[0].random.has_value());
  const LoggedEvaluation::Cell& again = read->cells[1];
  EXPECT_EQ(again.circuit_metric, 0.1 + 0.2);
  EXPECT_TRUE(std::isnan(again.empty_metric));
  EXPECT_EQ(again.score, 15);
  EXPECT_TRUE(std::isnan(again.faithfulness));
  EXPECT_EQ(again.random->standard_deviation, 2);
  EXPECT_EQ(again.random->as_good, 0.25);
  ASSERT_EQ(again.drops.size(), 2u);
  EXPECT_EQ(again.drops[0].part, cell.drops[0].part);
  EXPECT_EQ(again.drops[1].part, cell.drops[1].part);
  EXPECT_EQ(again.drops[1].drop_percent, -50);
  EXPECT_EQ(again.incompleteness, 0.75);
  EXPECT_EQ(again.curve[0].edge_count, 3);
  EXPECT_EQ(again.cpr, 0.5);
  EXPECT_TRUE(std::isnan(again.cmd));
}

}  // namespace
}  // namespace circuitd
