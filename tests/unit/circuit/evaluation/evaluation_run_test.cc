// The runs of an evaluation and what becomes of them, over a meter whose metrics are known.
#include "server/circuit/evaluation/evaluation_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/circuit/evaluation/evaluation_plan.h"
#include "server/circuit/evaluation/faithfulness_curve.h"
#include "server/circuit/evaluation/random_circuits.h"
#include "tests/unit/circuit/evaluation/small_circuits.h"
#include "tests/unit/circuit/evaluation/table_meter.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Evaluated {
  absl::StatusOr<EvaluationResult> result = absl::UnknownError("");
  std::vector<EvaluationStep> steps;
  std::vector<std::string> measured;
};

// On task i all weights count i + 1 times.
Evaluated RunAll(const EvaluationRequest& request, absl::Span<const EvaluationStep> made = {}) {
  Evaluated run;
  run.result = EvaluateWithMeters(
      TwoByTwo(), request, [&](int task) { return std::make_unique<TableMeter>(task + 1, &run.measured); },
      [&](const EvaluationStep& step) { run.steps.push_back(step); }, made);
  return run;
}

std::vector<std::string> RunsOf(const std::vector<EvaluationStep>& steps) {
  std::vector<std::string> runs;
  for (const EvaluationStep& step : steps) runs.push_back(absl::StrCat(step.task, step.circuit, " ", step.run));
  return runs;
}

EdgeScores WeightsAsScores() {
  const ModelConfig config = TwoByTwo();
  EdgeScores scores(config);
  for (const Edge& edge : EdgeSet::All(config).Edges()) {
    scores.Set(ReceiverRank(config, edge.receiver), SenderRank(config, edge.sender), TableMeter::WeightOf(edge));
  }
  return scores;
}

Circuit SmallNodeCircuit() { return NodeCircuit({Node::Head(0, 1), Node::Mlp(1)}); }

EvaluationRequest Request(std::vector<JudgedCircuit> circuits, int tasks) {
  EvaluationRequest request;
  request.circuits = std::move(circuits);
  request.tasks.resize(tasks);
  request.options.random_circuits = 0;
  return request;
}

EvaluationRequest RequestOfEverything() {
  EvaluationRequest request = Request(
      {{"nodes", SmallNodeCircuit(), {}}, {"edges", ChainCircuit(), WeightsAsScores()}, {"same", ChainCircuit(), {}}},
      2);
  request.options.random_circuits = 2;
  request.options.seed = 5;
  request.options.drop_one = true;
  request.options.knockout_subsets = 2;
  request.options.curve = true;
  return request;
}

TEST(EvaluationRunTest, GoesTaskByTaskAndCircuitByCircuit) {
  const Evaluated run = RunAll(RequestOfEverything());
  ASSERT_TRUE(run.result.ok()) << run.result.status();
  const std::vector<std::string> runs = RunsOf(run.steps);
  const size_t half = runs.size() / 2;
  EXPECT_THAT(
      std::vector<std::string>(runs.begin(), runs.begin() + half),
      ElementsAre("00 model", "00 empty", "00 circuit", "00 random 0", "00 random 1", "00 without A0.1",
                  "00 without M1", "00 subset 0 of the circuit", "00 subset 0 of the model",
                  "00 subset 1 of the circuit", "00 subset 1 of the model",  //
                  "01 empty", "01 circuit", "01 random 0", "01 random 1", "01 without A0.1", "01 without M1",
                  "01 without embed->A0.1.v", "01 without A0.1->M1", "01 without M1->logits",
                  "01 subset 0 of the circuit", "01 subset 0 of the model", "01 subset 1 of the circuit",
                  "01 subset 1 of the model", "01 curve 0.1%", "01 curve 0.2%", "01 curve 0.5%", "01 curve 1%",
                  "01 curve 2%", "01 curve 5%", "01 curve 10%", "01 curve 20%", "01 curve 50%", "01 curve 100%",  //
                  "02 circuit", "02 random 0", "02 random 1", "02 without A0.1", "02 without M1",
                  "02 without embed->A0.1.v", "02 without A0.1->M1", "02 without M1->logits",
                  "02 subset 0 of the circuit", "02 subset 0 of the model", "02 subset 1 of the circuit",
                  "02 subset 1 of the model"));
  for (size_t i = 0; i < half; ++i) EXPECT_EQ(runs[half + i], "1" + runs[i].substr(1));
  for (size_t i = 0; i < runs.size(); ++i) {
    EXPECT_EQ(run.steps[i].index, static_cast<int64_t>(i));
    EXPECT_EQ(run.steps[i].steps_left, static_cast<int64_t>(runs.size() - i - 1));
  }
  EXPECT_EQ(run.result->run_count, static_cast<int64_t>(runs.size()));
  EXPECT_EQ(RunsOnTask(RequestOfEverything()).total(), static_cast<int64_t>(half));
}

TEST(EvaluationRunTest, MeasuresEqualCircuitsOnce) {
  EvaluationRequest request = Request({{"a", ChainCircuit(), {}}, {"b", ChainCircuit(), {}}}, 1);
  request.circuits.push_back({"all", WholeModel(TwoByTwo(), SmallNodeCircuit()), {}});
  request.options.random_circuits = 4;
  const Evaluated run = RunAll(request);
  ASSERT_TRUE(run.result.ok()) << run.result.status();
  const std::set<std::string> different(run.measured.begin(), run.measured.end());
  EXPECT_EQ(different.size(), run.measured.size());
  // Two random draws for circuits of three edges may well be different ones; those for all nodes are not.
  EXPECT_EQ(run.steps.size() - run.measured.size(), 1u + 4u);
}

TEST(EvaluationRunTest, FillsEachCellByCircuitThenTask) {
  const EvaluationRequest request = Request({{"nodes", SmallNodeCircuit(), {}}, {"edges", ChainCircuit(), {}}}, 2);
  const Evaluated run = RunAll(request);
  ASSERT_TRUE(run.result.ok()) << run.result.status();
  ASSERT_EQ(run.result->cells.size(), 4u);
  for (int circuit = 0; circuit < 2; ++circuit) {
    for (int task = 0; task < 2; ++task) {
      std::vector<std::string> unused;
      const TableMeter meter(task + 1, &unused);
      const Circuit& judged = request.circuits[circuit].circuit;
      const CircuitOnTask& cell = run.result->cells[2 * circuit + task];
      EXPECT_EQ(cell.circuit, circuit);
      EXPECT_EQ(cell.task, task);
      EXPECT_EQ(cell.model_metric, 1000);
      EXPECT_DOUBLE_EQ(cell.circuit_metric, meter.MetricOf(judged));
      EXPECT_DOUBLE_EQ(cell.empty_metric, meter.MetricOf(EmptyCircuit(TwoByTwo(), judged)));
      EXPECT_DOUBLE_EQ(*cell.score, cell.circuit_metric / 10);
      EXPECT_DOUBLE_EQ(*cell.faithfulness, (cell.circuit_metric - cell.empty_metric) / (1000 - cell.empty_metric));
      EXPECT_FALSE(cell.random.has_value());
      EXPECT_TRUE(cell.drops.empty() && cell.knockouts.empty() && cell.curve.empty());
    }
  }
}

TEST(EvaluationRunTest, ComparesWithTheRandomCircuitsOfItsSeed) {
  EvaluationRequest request = Request({{"edges", ChainCircuit(), {}}, {"nodes", SmallNodeCircuit(), {}}}, 1);
  request.options.random_circuits = 20;
  request.options.seed = 11;
  const Evaluated run = RunAll(request);
  ASSERT_TRUE(run.result.ok()) << run.result.status();
  std::vector<std::string> unused;
  const TableMeter meter(1, &unused);
  for (int circuit = 0; circuit < 2; ++circuit) {
    const CircuitOnTask& cell = run.result->cells[circuit];
    double sum = 0, as_good = 0, low = HUGE_VAL, high = -HUGE_VAL;
    for (int i = 0; i < 20; ++i) {
      const double metric =
          meter.MetricOf(RandomCircuit(TwoByTwo(), request.circuits[circuit].circuit, {11, circuit, i}));
      sum += metric;
      as_good += metric >= cell.circuit_metric;
      low = std::min(low, metric);
      high = std::max(high, metric);
    }
    ASSERT_TRUE(cell.random.has_value());
    EXPECT_NEAR(cell.random->mean, sum / 20, 1e-9);
    EXPECT_DOUBLE_EQ(cell.random_as_good, as_good / 20);
    EXPECT_GE(cell.random->low, low);
    EXPECT_LE(cell.random->high, high);
    EXPECT_LT(cell.random->low, cell.random->high);
  }
}

TEST(EvaluationRunTest, DropsNodesWithTheirEdgesAndThenEdges) {
  EvaluationRequest request = Request({{"edges", ChainCircuit(), {}}}, 1);
  request.options.drop_one = true;
  const Evaluated run = RunAll(request);
  ASSERT_TRUE(run.result.ok()) << run.result.status();
  const std::vector<Edge> edges = ChainCircuit().edges->Edges();
  const double v = TableMeter::WeightOf(edges[0]), mlp = TableMeter::WeightOf(edges[1]),
               logits = TableMeter::WeightOf(edges[2]);
  std::vector<double> drops;
  for (const Drop& drop : run.result->cells[0].drops) drops.push_back(drop.drop);
  EXPECT_THAT(drops, ElementsAre(v + mlp, mlp + logits, v, mlp, logits));
  EXPECT_EQ(std::get<Node>(run.result->cells[0].drops[1].part), Node::Mlp(1));
  EXPECT_EQ(std::get<Edge>(run.result->cells[0].drops[2].part), edges[0]);

  // Of a loss a part is needed if it is higher without it.
  request.options.metric = Metric::kKlDiv;
  const Evaluated loss = RunAll(request);
  ASSERT_TRUE(loss.result.ok()) << loss.result.status();
  EXPECT_EQ(loss.result->cells[0].drops[0].drop, -(v + mlp));
}

TEST(EvaluationRunTest, KnocksSubsetsOutOfCircuitAndModel) {
  EvaluationRequest request = Request({{"nodes", SmallNodeCircuit(), {}}, {"edges", ChainCircuit(), {}}}, 1);
  request.options.knockout_subsets = 12;
  request.options.seed = 3;
  const Evaluated run = RunAll(request);
  ASSERT_TRUE(run.result.ok()) << run.result.status();
  std::vector<std::string> unused;
  const TableMeter meter(1, &unused);
  bool everything = false;
  for (int i = 0; i < 2; ++i) {
    const Circuit& circuit = request.circuits[i].circuit;
    const CircuitOnTask& cell = run.result->cells[i];
    ASSERT_EQ(cell.knockouts.size(), 12u);
    double sum = 0;
    for (int k = 0; k < 12; ++k) {
      const std::vector<CircuitPart> subset = RandomSubset(KnockoutPartsOf(circuit), {3, i, k});
      const Knockout& knockout = cell.knockouts[k];
      EXPECT_EQ(knockout.size, static_cast<int64_t>(subset.size()));
      double weight = 0;
      for (const CircuitPart& part : subset) {
        weight += std::visit([](const auto& what) { return TableMeter::WeightOf(what); }, part);
      }
      EXPECT_NEAR(knockout.circuit_metric, cell.circuit_metric - weight, 1e-9);
      EXPECT_NEAR(knockout.model_metric, 1000 - weight, 1e-9);
      sum += std::abs(knockout.circuit_metric - knockout.model_metric);
      if (subset.size() == KnockoutPartsOf(circuit).size()) {
        everything = true;
        EXPECT_EQ(knockout.circuit_metric, cell.empty_metric);
      }
    }
    EXPECT_NEAR(cell.incompleteness, sum / 12, 1e-9);
  }
  EXPECT_TRUE(everything);
}

TEST(EvaluationRunTest, KnocksNothingOutOfAnEmptyCircuit) {
  EvaluationRequest request =
      Request({{"none", NodeCircuit({}), {}}, {"no edges", EdgeCircuit(TwoByTwo(), {}), {}}}, 1);
  request.options.knockout_subsets = 3;
  request.options.drop_one = true;
  const Evaluated run = RunAll(request);
  ASSERT_TRUE(run.result.ok()) << run.result.status();
  EXPECT_EQ(run.steps.back().steps_left, 0);
  for (const CircuitOnTask& cell : run.result->cells) {
    EXPECT_TRUE(cell.knockouts.empty() && cell.drops.empty());
    EXPECT_EQ(*cell.faithfulness, 0);
    EXPECT_EQ(cell.incompleteness, 0);
  }
}

TEST(EvaluationRunTest, DrawsTheCurveOfTheBestEdges) {
  EvaluationRequest request = Request({{"edges", ChainCircuit(), WeightsAsScores()}}, 1);
  request.options.curve = true;
  const Evaluated run = RunAll(request);
  ASSERT_TRUE(run.result.ok()) << run.result.status();
  const CircuitOnTask& cell = run.result->cells[0];

  // The weights of all 46 edges, the largest first; all but the logits' edges rise with the sender's rank, so the best
  // ones are those into the logits and are never dangling below 5 %.
  std::vector<CurvePoint> points;
  for (const double fraction : {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0}) {
    EdgeSelection selection;
    selection.count = static_cast<int64_t>(fraction * 46);
    const EdgeSet edges = WithoutDangling(SelectEdges(WeightsAsScores(), selection), /*from_embed=*/false);
    double metric = cell.empty_metric;
    for (const Edge& edge : edges.Edges()) metric += TableMeter::WeightOf(edge);
    points.push_back({fraction, edges.size(), metric, (metric - cell.empty_metric) / (1000 - cell.empty_metric)});
  }
  ASSERT_EQ(cell.curve.size(), points.size());
  double cpr = 0, cmd = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(cell.curve[i].fraction, points[i].fraction);
    EXPECT_EQ(cell.curve[i].edge_count, points[i].edge_count);
    EXPECT_NEAR(cell.curve[i].metric, points[i].metric, 1e-9);
    EXPECT_NEAR(cell.curve[i].faithfulness, points[i].faithfulness, 1e-9);
    if (i == 0) continue;
    const double width = points[i].fraction - points[i - 1].fraction;
    cpr += width * (points[i].faithfulness + points[i - 1].faithfulness) / 2;
    cmd += width * (std::abs(1 - points[i].faithfulness) + std::abs(1 - points[i - 1].faithfulness)) / 2;
  }
  EXPECT_EQ(cell.curve[4].edge_count, 0);
  EXPECT_EQ(cell.curve[4].faithfulness, 0);
  EXPECT_EQ(cell.curve[9].edge_count, 46);
  EXPECT_NEAR(cell.curve[9].faithfulness, 1, 1e-9);
  EXPECT_NEAR(cell.cpr, cpr, 1e-9);
  EXPECT_NEAR(cell.cmd, cmd, 1e-9);
}

TEST(EvaluationRunTest, LeavesOutOfTheCurveWhatCannotMatter) {
  const ModelConfig config = TwoByTwo();
  EdgeScores scores(config);
  const auto set = [&](const Edge& edge, double score) {
    scores.Set(ReceiverRank(config, edge.receiver), SenderRank(config, edge.sender), score);
  };
  set({Node::Mlp(1), Node::Logits()}, 5);                       // embed doesn't reach M1
  set({Node::Embed(), Node::Head(1, 0, Node::Input::kQ)}, -4);  // the logits don't hear of A1.0
  set({Node::Embed(), Node::Logits()}, 3);
  set({Node::Head(0, 0), Node::Head(1, 1, Node::Input::kQ)}, 2);  // neither
  EvaluationOptions options;
  const auto size = [&] { return CurveCircuit(scores, 0.1, options).edges->size(); };
  EXPECT_EQ(size(), 2);
  options.ablation = EdgeAblation::kResample;
  EXPECT_EQ(size(), 1);
  // There they do.
  options.run = CircuitRun::kPatchIntoCorrupted;
  EXPECT_EQ(size(), 4);
  options.curve_selection.rule = EdgeSelection::Rule::kGreedy;
  options.curve_selection.absolute = false;
  EXPECT_TRUE(CurveCircuit(scores, 0.1, options).edges->Contains({Node::Mlp(1), Node::Logits()}));
  EXPECT_FALSE(CurveCircuit(scores, 0.1, options).edges->Contains({Node::Embed(), Node::Head(1, 0, Node::Input::kQ)}));
}

TEST(EvaluationRunTest, StopsWhereAMetricIsNoNumber) {
  class Broken : public TableMeter {
   public:
    using TableMeter::TableMeter;
    absl::StatusOr<double> Measure(const Circuit&) override { return std::nan(""); }
  };
  std::vector<std::string> unused;
  const auto result = EvaluateWithMeters(
      TwoByTwo(), Request({{"nodes", SmallNodeCircuit(), {}}}, 1),
      [&](int) { return std::make_unique<Broken>(1, &unused); }, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(result.status().message(), "the metric of \"empty\" of circuits[0] on tasks[0] is nan");
}

TEST(EvaluationRunTest, PassesOnTheMetersError) {
  class Cancelled : public TableMeter {
   public:
    using TableMeter::TableMeter;
    absl::StatusOr<double> Measure(const Circuit&) override { return absl::CancelledError("stop"); }
  };
  std::vector<std::string> unused;
  const auto result = EvaluateWithMeters(
      TwoByTwo(), Request({{"nodes", SmallNodeCircuit(), {}}}, 1),
      [&](int) { return std::make_unique<Cancelled>(1, &unused); }, nullptr);
  EXPECT_EQ(result.status(), absl::CancelledError("stop"));
}

class MadeRunsTest : public ::testing::Test {
 protected:
  MadeRunsTest() : made_(RunAll(request_).steps) {}

  void ExpectLost(const std::string& message) {
    const Evaluated run = RunAll(request_, made_);
    EXPECT_EQ(run.result.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(run.result.status().message()), HasSubstr(message));
    EXPECT_TRUE(run.steps.empty());
    EXPECT_TRUE(run.measured.empty());
  }

  const EvaluationRequest request_ = RequestOfEverything();
  std::vector<EvaluationStep> made_;
};

TEST_F(MadeRunsTest, StandAndAreNotMeasuredAgain) {
  const Evaluated whole = RunAll(request_);
  ASSERT_TRUE(whole.result.ok());
  for (size_t cut = 0; cut <= made_.size(); ++cut) {
    SCOPED_TRACE(cut);
    const Evaluated rest = RunAll(request_, absl::MakeConstSpan(made_).first(cut));
    ASSERT_TRUE(rest.result.ok()) << rest.result.status();
    ASSERT_EQ(rest.steps.size(), made_.size() - cut);
    for (size_t i = cut; i < made_.size(); ++i) {
      EXPECT_EQ(rest.steps[i - cut].index, made_[i].index);
      EXPECT_EQ(rest.steps[i - cut].run, made_[i].run);
      EXPECT_EQ(rest.steps[i - cut].metric, made_[i].metric);
      EXPECT_EQ(rest.steps[i - cut].steps_left, made_[i].steps_left);
    }
    // What is measured is what was left, and nothing that is known already.
    EXPECT_LE(rest.measured.size(), rest.steps.size());
    EXPECT_EQ(std::vector<std::string>(whole.measured.end() - rest.measured.size(), whole.measured.end()),
              rest.measured);
    EXPECT_EQ(rest.result->run_count, whole.result->run_count);
    for (size_t i = 0; i < whole.result->cells.size(); ++i) {
      const CircuitOnTask &now = rest.result->cells[i], &then = whole.result->cells[i];
      EXPECT_EQ(now.circuit_metric, then.circuit_metric);
      EXPECT_EQ(now.empty_metric, then.empty_metric);
      EXPECT_EQ(now.random->mean, then.random->mean);
      EXPECT_EQ(now.incompleteness, then.incompleteness);
      EXPECT_EQ(now.cpr, then.cpr);
      ASSERT_EQ(now.drops.size(), then.drops.size());
      for (size_t k = 0; k < now.drops.size(); ++k) EXPECT_EQ(now.drops[k].drop, then.drops[k].drop);
    }
  }
}

TEST_F(MadeRunsTest, CountWithTheirOwnMetrics) {
  made_.resize(3);
  made_[2].metric = 123.5;
  const Evaluated run = RunAll(request_, made_);
  ASSERT_TRUE(run.result.ok()) << run.result.status();
  EXPECT_EQ(run.result->cells[0].circuit_metric, 123.5);
}

TEST_F(MadeRunsTest, AreRefusedWhereTheyAreOtherRuns) {
  std::swap(made_[3].run, made_[4].run);
  ExpectLost(
      "run 3 of an earlier evaluation is \"random 1\" of circuits[0] on tasks[0], this one's is \"random 0\" of "
      "circuits[0] on tasks[0]");
  std::swap(made_[3].run, made_[4].run);
  made_[4].circuit = 1;
  ExpectLost("run 4 of an earlier evaluation is \"random 1\" of circuits[1] on tasks[0], this one's");
  made_[4].circuit = 0;
  made_[0].task = 1;
  ExpectLost("run 0 of an earlier evaluation is \"model\" of circuits[0] on tasks[1], this one's");
}

TEST_F(MadeRunsTest, AreRefusedWithMetricsThatAreNoNumbers) {
  for (const double metric : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    made_[7].metric = metric;
    ExpectLost("run 7 of an earlier evaluation has the metric ");
  }
}

TEST_F(MadeRunsTest, AreRefusedWhereOneIsMissing) {
  made_.erase(made_.begin() + 2);
  ExpectLost("run 2 of an earlier evaluation has the index 3");
}

TEST_F(MadeRunsTest, AreRefusedWhereThereAreMoreThanThereCanBe) {
  made_.push_back(made_.back());
  ++made_.back().index;
  ExpectLost(
      absl::StrCat("an earlier evaluation made ", made_.size(), " runs, this one ends after ", made_.size() - 1));
}

}  // namespace
}  // namespace circuitd
