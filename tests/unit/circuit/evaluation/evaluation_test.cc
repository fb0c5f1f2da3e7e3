// Evaluations of circuits of the tiny model against whole runs, whatever is ablated and however circuits are run.
#include "server/circuit/evaluation/evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/circuit/evaluation/circuit_parts.h"
#include "server/circuit/evaluation/random_circuits.h"
#include "server/circuit/node_pruning.h"
#include "server/graph/edge_order.h"
#include "tests/unit/circuit/evaluation/naive_judge.h"
#include "tests/unit/circuit/evaluation/small_circuits.h"
#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

using testing::TinyModel;

// Prompts of two lengths whose answers the model tells apart.
PromptPairs FirstPairs(int count = 4) {
  PromptPairs pairs;
  for (int i = 0; i < count; ++i) {
    PromptPair pair{{1, 2 + i % 7, 3, 4 + i % 5}, {5, 2 + i % 3, 6, 4 + i % 5}, {1}, {8}, {}};
    if (i % 2 == 1) {
      pair.clean.insert(pair.clean.end(), {11 + i % 4, 2});
      pair.corrupted.insert(pair.corrupted.end(), {13 + i % 6, 2});
    }
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

PromptPairs SecondPairs() {
  PromptPairs pairs;
  for (int i = 0; i < 3; ++i) pairs.push_back({{7 + i, 4, 12, 2}, {9, 4 + i, 3, 2}, {8}, {1, 5}, {}});
  return pairs;
}

class EvaluationTest : public ::testing::Test {
 protected:
  EvaluationTest() {
    EdgeScores scores(config_);
    Circuit edges = EmptyCircuit(config_, {{}, EdgeSet(config_)});
    int i = 0;
    for (const Edge& edge : EdgeSet::All(config_).Edges()) {
      scores.Set(ReceiverRank(config_, edge.receiver), SenderRank(config_, edge.sender), std::sin(++i));
      if (i * i % 11 < 2 || i % 10 == 0) edges.edges->Set(edge, true);
    }
    edges.nodes = edges.edges->Nodes();
    const NodeSet nodes = {Node::Head(0, 1), Node::Head(1, 3), Node::Head(2, 0), Node::Mlp(0), Node::Mlp(2)};
    request_.circuits = {{"nodes", NodeCircuit(nodes), {}}, {"edges", std::move(edges), scores}};
    request_.tasks = {{"first", FirstPairs()}, {"second", SecondPairs()}};
    request_.options.random_circuits = 3;
    request_.options.knockout_subsets = 2;
    request_.options.seed = 4;
  }

  EvaluationResult RunAll(absl::Span<const EvaluationStep> made = {}) {
    steps_.clear();
    EvaluationCallbacks callbacks;
    callbacks.on_step = [&](const EvaluationStep& step) { steps_.push_back(step); };
    EXPECT_TRUE(ValidateEvaluation(request_).ok()) << ValidateEvaluation(request_);
    const auto result = Evaluate(*model_, request_, callbacks, made);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : EvaluationResult();
  }

  void ExpectEqualsWholeRuns() { ExpectJudged(config_, request_, RunAll(), NaiveMetricOf(*model_, request_)); }

  const std::unique_ptr<Model> model_ = TinyModel(1);
  const ModelConfig& config_ = model_->config();
  EvaluationRequest request_;
  std::vector<EvaluationStep> steps_;
};

TEST_F(EvaluationTest, EqualsWholeRunsWithSeqcontMeans) {
  request_.options.drop_one = true;
  ExpectEqualsWholeRuns();
}

TEST_F(EvaluationTest, EqualsWholeRunsWithCleanMeans) {
  request_.options.means = MlpMeans::kClean;
  request_.options.drop_one = true;
  request_.tasks.pop_back();
  ExpectEqualsWholeRuns();
}

TEST_F(EvaluationTest, EqualsWholeRunsWithOtherAblationsAndMetrics) {
  request_.options.means = MlpMeans::kClean;
  request_.tasks.pop_back();
  for (const EdgeAblation ablation : {EdgeAblation::kMean, EdgeAblation::kResample, EdgeAblation::kZero}) {
    for (const Metric metric : {Metric::kProbDiff, Metric::kKlDiv, Metric::kNll}) {
      SCOPED_TRACE(::testing::Message() << static_cast<int>(ablation) << " " << static_cast<int>(metric));
      request_.options.ablation = ablation;
      request_.options.metric = metric;
      request_.options.knockout_subsets = ablation == EdgeAblation::kZero ? 1 : 0;
      ExpectEqualsWholeRuns();
    }
  }
}

TEST_F(EvaluationTest, EqualsWholeRunsWithoutPartsByResampling) {
  request_.options.ablation = EdgeAblation::kResample;
  request_.options.drop_one = true;
  request_.tasks.pop_back();
  ExpectEqualsWholeRuns();
}

TEST_F(EvaluationTest, EqualsWholeRunsPatchedIntoTheCorruptedOne) {
  request_.options.ablation = EdgeAblation::kResample;
  request_.options.run = CircuitRun::kPatchIntoCorrupted;
  request_.circuits.erase(request_.circuits.begin());
  request_.options.drop_one = true;
  request_.options.curve = true;
  request_.tasks.pop_back();
  ExpectEqualsWholeRuns();
}

TEST_F(EvaluationTest, DrawsCurvesWhoseMetricsAreThoseOfTheSelectedEdges) {
  request_.circuits.erase(request_.circuits.begin());
  request_.tasks.pop_back();
  request_.options.curve = true;
  for (const EdgeAblation ablation : {EdgeAblation::kMean, EdgeAblation::kResample, EdgeAblation::kZero}) {
    for (const auto rule : {EdgeSelection::Rule::kTopK, EdgeSelection::Rule::kGreedy}) {
      request_.options.ablation = ablation;
      request_.options.curve_selection.rule = rule;
      request_.options.curve_selection.absolute = rule == EdgeSelection::Rule::kTopK;
      ExpectEqualsWholeRuns();
    }
  }
}

TEST_F(EvaluationTest, FindsTheWholeModelFaithfulAndTheEmptyCircuitNot) {
  const std::vector<JudgedCircuit> given = request_.circuits;
  request_.circuits.clear();
  for (const JudgedCircuit& judged : given) {
    request_.circuits.push_back({"all", WholeModel(config_, judged.circuit), {}});
    request_.circuits.push_back({"none", EmptyCircuit(config_, judged.circuit), {}});
  }
  const auto expect = [&](const EvaluationResult& result) {
    ASSERT_EQ(result.cells.size(), 2 * request_.circuits.size());
    for (const CircuitOnTask& cell : result.cells) {
      EXPECT_NEAR(cell.faithfulness.value(), cell.circuit % 2 == 0 ? 1 : 0, 1e-4) << cell.circuit;
    }
  };
  request_.options.random_circuits = 0;
  for (const MlpMeans means : {MlpMeans::kSeqcont, MlpMeans::kClean}) {
    request_.options.means = means;
    expect(RunAll());
  }
  for (const EdgeAblation ablation : {EdgeAblation::kResample, EdgeAblation::kZero}) {
    request_.options.ablation = ablation;
    expect(RunAll());
  }
  request_.options.ablation = EdgeAblation::kResample;
  request_.options.run = CircuitRun::kPatchIntoCorrupted;
  request_.circuits.erase(request_.circuits.begin(), request_.circuits.begin() + 2);
  expect(RunAll());
}

TEST_F(EvaluationTest, GivesAPrunedCircuitItsScore) {
  request_.tasks.pop_back();
  request_.options.random_circuits = 0;
  for (const MlpMeans means : {MlpMeans::kSeqcont, MlpMeans::kClean}) {
    NodePruningOptions pruning;
    pruning.means = means;
    const auto pruned = PruneNodes(*model_, request_.tasks[0].pairs, pruning, {});
    ASSERT_TRUE(pruned.ok()) << pruned.status();
    ASSERT_LT(pruned->circuit.size(), AllNodes(config_).size());
    request_.circuits[0].circuit = NodeCircuit(pruned->circuit);
    request_.options.means = means;
    EXPECT_NEAR(RunAll().cells[0].score.value(), pruned->score, 1e-3);
  }
}

TEST_F(EvaluationTest, KnocksAllOutOfASmallCircuit) {
  request_.circuits[0].circuit = NodeCircuit({Node::Head(1, 3)});
  request_.circuits.resize(1);
  const EvaluationResult result = RunAll();
  for (const CircuitOnTask& cell : result.cells) {
    for (const Knockout& knockout : cell.knockouts) {
      EXPECT_EQ(knockout.size, 1);
      EXPECT_EQ(knockout.circuit_metric, cell.empty_metric);
      EXPECT_GT(std::abs(knockout.model_metric - cell.model_metric), 1e-3);
    }
  }
}

TEST_F(EvaluationTest, JudgesEachCircuitOnEachTaskAsItWouldAlone) {
  const EvaluationRequest all = request_;
  const EvaluationResult together = RunAll();
  ASSERT_EQ(together.cells.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    request_.circuits = {all.circuits[i / 2]};
    request_.tasks = {all.tasks[i % 2]};
    const CircuitOnTask alone = RunAll().cells.at(0);
    EXPECT_NEAR(together.cells[i].circuit_metric, alone.circuit_metric, 1e-5);
    EXPECT_NEAR(together.cells[i].model_metric, alone.model_metric, 1e-5);
    EXPECT_NEAR(together.cells[i].empty_metric, alone.empty_metric, 1e-5);
    EXPECT_NEAR(*together.cells[i].faithfulness, *alone.faithfulness, 1e-4);
  }
  // The tasks are different ones.
  EXPECT_GT(std::abs(together.cells[0].circuit_metric - together.cells[1].circuit_metric), 1e-2);
}

TEST_F(EvaluationTest, EndsTheSameWhereverItWasBrokenOff) {
  request_.options.drop_one = true;
  request_.options.curve = true;
  request_.options.micro_batch_prompts = EstimateEvaluation(*model_, request_).micro_batch_prompts;
  const EvaluationResult whole = RunAll();
  const std::vector<EvaluationStep> made = steps_;
  EXPECT_EQ(EstimateEvaluation(*model_, request_).runs, static_cast<int64_t>(made.size()));
  EXPECT_EQ(whole.run_count, static_cast<int64_t>(made.size()));
  for (size_t cut = 0; cut <= made.size(); cut += 19) {
    SCOPED_TRACE(cut);
    const EvaluationResult rest = RunAll(absl::MakeConstSpan(made).first(cut));
    ASSERT_EQ(steps_.size(), made.size() - cut);
    for (size_t i = cut; i < made.size(); ++i) {
      EXPECT_EQ(steps_[i - cut].run, made[i].run);
      EXPECT_NEAR(steps_[i - cut].metric, made[i].metric, 1e-5);
      EXPECT_EQ(steps_[i - cut].steps_left, made[i].steps_left);
    }
    for (size_t i = 0; i < whole.cells.size(); ++i) {
      EXPECT_NEAR(rest.cells[i].circuit_metric, whole.cells[i].circuit_metric, 1e-5);
      EXPECT_NEAR(rest.cells[i].incompleteness, whole.cells[i].incompleteness, 1e-5);
      EXPECT_NEAR(rest.cells[i].cpr, whole.cells[i].cpr, 1e-5);
    }
  }
}

TEST_F(EvaluationTest, RunsNothingWhereAllWasRun) {
  RunAll();
  const std::vector<EvaluationStep> made = steps_;
  EvaluationCallbacks callbacks;
  callbacks.checkpoint = [] { return absl::InternalError("a forward pass"); };
  EXPECT_TRUE(Evaluate(*model_, request_, callbacks, made).ok());
}

TEST_F(EvaluationTest, StopsAtACheckpoint) {
  int left = 0;
  EvaluationCallbacks callbacks;
  callbacks.checkpoint = [&] { return left-- > 0 ? absl::OkStatus() : absl::CancelledError("stop"); };
  for (const int passes : {0, 3, 10, 30}) {
    left = passes;
    EXPECT_EQ(Evaluate(*model_, request_, callbacks).status(), absl::CancelledError("stop"));
  }
}

// Node pruning's engine has no scores for it.
TEST_F(EvaluationTest, JudgesOnALogitDifferenceThatIsNotPositive) {
  request_.options.means = MlpMeans::kClean;
  request_.options.drop_one = true;
  request_.options.random_circuits = 0;
  const EvaluationResult given = RunAll();
  for (JudgedTask& task : request_.tasks) {
    for (PromptPair& pair : task.pairs) std::swap(pair.correct, pair.incorrect);
  }
  const EvaluationResult swapped = RunAll();
  for (size_t i = 0; i < given.cells.size(); ++i) {
    const CircuitOnTask &there = given.cells[i], &here = swapped.cells[i];
    EXPECT_NEAR(here.circuit_metric, -there.circuit_metric, 1e-4);
    EXPECT_NEAR(here.model_metric, -there.model_metric, 1e-4);
    EXPECT_NEAR(*here.faithfulness, *there.faithfulness, 1e-3);
    EXPECT_EQ(here.score.has_value(), !there.score.has_value());
    ASSERT_EQ(here.drops.size(), there.drops.size());
    for (size_t k = 0; k < here.drops.size(); ++k) EXPECT_NEAR(here.drops[k].drop, -there.drops[k].drop, 1e-4);
  }
  request_.options.means = MlpMeans::kSeqcont;
  const auto refused = Evaluate(*model_, request_, {});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), ::testing::HasSubstr("logit difference is -"));
}

TEST_F(EvaluationTest, RunsTheRecordedMicroBatchesWithAnotherMemoryBudget) {
  request_.tasks = {{"many", FirstPairs(40)}};
  request_.options.memory_budget_bytes = 1 << 20;
  const int64_t recorded = EstimateEvaluation(*model_, request_).micro_batch_prompts;
  ASSERT_GT(recorded, 1);
  ASSERT_LT(recorded, 40);
  RunAll();
  const std::vector<EvaluationStep> then = steps_;
  request_.options.memory_budget_bytes = 1 << 30;
  EXPECT_GT(EstimateEvaluation(*model_, request_).micro_batch_prompts, recorded);
  request_.options.micro_batch_prompts = recorded;
  EXPECT_EQ(EstimateEvaluation(*model_, request_).micro_batch_prompts, recorded);
  RunAll();
  ASSERT_EQ(steps_.size(), then.size());
  for (size_t i = 0; i < then.size(); ++i) EXPECT_EQ(steps_[i].metric, then[i].metric) << then[i].run;
}

// Whether it is recorded or not: the fewest that any engine has room for.
TEST_F(EvaluationTest, RunsAsManyPromptsSideBySideAsItsEstimateSays) {
  request_.tasks = {{"many", FirstPairs(40)}};
  request_.options.memory_budget_bytes = 1 << 20;
  const auto passes = [&] {
    int count = 0;
    EvaluationCallbacks callbacks;
    callbacks.checkpoint = [&] { return ++count, absl::OkStatus(); };
    EXPECT_TRUE(Evaluate(*model_, request_, callbacks).ok());
    return count;
  };
  const int unrecorded = passes();
  request_.options.micro_batch_prompts = EstimateEvaluation(*model_, request_).micro_batch_prompts;
  EXPECT_EQ(passes(), unrecorded);
  --*request_.options.micro_batch_prompts;
  EXPECT_GT(passes(), unrecorded);
}

TEST_F(EvaluationTest, SharesItsMemoryBudgetBetweenEngines) {
  request_.tasks = {{"many", FirstPairs(40)}};
  request_.options.memory_budget_bytes = 1 << 20;
  EXPECT_LE(EstimateEvaluation(*model_, request_).memory_bytes, 1 << 20);
  EXPECT_GT(EstimateEvaluation(*model_, request_).memory_bytes, 1 << 19);
}

TEST_F(EvaluationTest, EstimatesMoreForMore) {
  const EvaluationCost both = EstimateEvaluation(*model_, request_);
  EXPECT_GT(both.memory_bytes, 0);
  EXPECT_GE(both.micro_batch_prompts, 1);
  request_.options.micro_batch_prompts = 1;
  EXPECT_EQ(EstimateEvaluation(*model_, request_).micro_batch_prompts, 1);
  request_.options.drop_one = true;
  EXPECT_GT(EstimateEvaluation(*model_, request_).runs, both.runs);
  EXPECT_GT(EstimateEvaluation(*model_, request_).flops, both.flops);
  for (const int kind : {0, 1}) {
    EvaluationRequest one = request_;
    one.circuits = {request_.circuits[kind]};
    const EvaluationCost cost = EstimateEvaluation(*model_, one);
    EXPECT_GT(cost.flops, 0);
    EXPECT_LT(cost.runs, EstimateEvaluation(*model_, request_).runs);
  }
}

}  // namespace
}  // namespace circuitd
