// What an evaluation refuses, and how it says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/status.h"
#include "server/circuit/evaluation/evaluation.h"
#include "tests/unit/circuit/evaluation/small_circuits.h"

namespace circuitd {
namespace {

class EvaluationValidationTest : public ::testing::Test {
 protected:
  EvaluationValidationTest() {
    request_.circuits = {{"nodes", NodeCircuit({Node::Head(0, 1), Node::Mlp(1)}), {}},
                         {"edges", ChainCircuit(), EdgeScores(TwoByTwo())}};
    request_.tasks = {{"task", {{{1, 2}, {3, 2}, {1}, {2}, {}}}}};
  }

  void ExpectRefused(const std::string& field, const std::string& message) {
    const absl::Status status = ValidateEvaluation(request_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(FieldOf(status), field);
    EXPECT_EQ(status.message(), field + ": " + message);
  }
  void ExpectTaken() { EXPECT_TRUE(ValidateEvaluation(request_).ok()) << ValidateEvaluation(request_); }

  EvaluationRequest request_;
};

TEST_F(EvaluationValidationTest, TakesBothKindsOfCircuits) {
  ExpectTaken();
  request_.options.curve = true;
  request_.options.drop_one = true;
  request_.options.random_circuits = 10'000;
  request_.options.knockout_subsets = 10'000;
  ExpectTaken();
}

TEST_F(EvaluationValidationTest, RefusesNoneAndTooMany) {
  const EvaluationRequest fine = request_;
  request_.circuits.clear();
  ExpectRefused("circuits", "0, must be 1-16");
  request_.circuits.assign(17, fine.circuits[0]);
  ExpectRefused("circuits", "17, must be 1-16");
  request_ = fine;
  request_.tasks.clear();
  ExpectRefused("tasks", "0, must be 1-16");
  request_.tasks.assign(17, fine.tasks[0]);
  ExpectRefused("tasks", "17, must be 1-16");
  request_.tasks.assign(2, fine.tasks[0]);
  request_.tasks[1].pairs.clear();
  ExpectRefused("tasks[1]", "no prompts");
}

TEST_F(EvaluationValidationTest, RefusesNumbersOutOfRange) {
  request_.options.random_circuits = -1;
  ExpectRefused("random_circuits", "-1, must be 0-10000");
  request_.options.random_circuits = 10'001;
  ExpectRefused("random_circuits", "10001, must be 0-10000");
  request_.options.random_circuits = 0;
  request_.options.knockout_subsets = 10'001;
  ExpectRefused("knockout_subsets", "10001, must be 0-10000");
}

TEST_F(EvaluationValidationTest, RefusesMoreThanAMillionRunsInAll) {
  request_.circuits.push_back(request_.circuits[1]);
  request_.options.random_circuits = 10'000;
  request_.options.knockout_subsets = 10'000;
  request_.options.drop_one = true;
  // The model, two empty circuits, and for each circuit 1 + 30,000 and its parts: 2 nodes; twice 2 nodes and 3 edges.
  const JudgedTask task = request_.tasks[0];
  request_.tasks.assign(11, task);
  ExpectTaken();
  request_.tasks.assign(12, task);
  ExpectRefused("tasks",
                "12 with 90018 runs each, 1080216 in all, must be at most 1000000; of 3 circuits, with 10000 random "
                "circuits and 10000 subsets for each, and without each of its parts");
}

TEST_F(EvaluationValidationTest, RefusesSeqcontMeansOfOtherMetricsWhereTheyCount) {
  request_.options.metric = Metric::kKlDiv;
  ExpectRefused("means", "seqcont, must be clean: of node circuits with the metric kl_div there are no others");
  request_.options.ablation = EdgeAblation::kResample;
  ExpectTaken();
  request_.options.ablation = EdgeAblation::kMean;
  request_.options.means = MlpMeans::kClean;
  ExpectTaken();
  request_.options.means = MlpMeans::kSeqcont;
  request_.circuits.erase(request_.circuits.begin());
  ExpectTaken();
}

TEST_F(EvaluationValidationTest, PatchesOnlyEdgesIntoTheCorruptedRun) {
  request_.options.run = CircuitRun::kPatchIntoCorrupted;
  ExpectRefused("run", "patch_into_corrupted, the ablation must be resample for it, it is mean");
  request_.options.ablation = EdgeAblation::kResample;
  ExpectRefused("circuits[0]", "a node circuit, which keeps embed; patch_into_corrupted takes circuits of edges");
  request_.circuits.erase(request_.circuits.begin());
  ExpectTaken();
}

TEST_F(EvaluationValidationTest, RefusesCurvesThatCannotBeDrawn) {
  request_.options.curve = true;
  request_.options.curve_selection.rule = EdgeSelection::Rule::kThreshold;
  ExpectRefused("curve_selection", "threshold, must be top_k or greedy: a curve has its own numbers of edges");
  request_.options.curve_selection.rule = EdgeSelection::Rule::kGreedy;
  request_.circuits[1].scores.reset();
  ExpectRefused("curve", "no circuit is one of edges with scores of all of the model's edges");
}

TEST_F(EvaluationValidationTest, RefusesCurvesOfModelsWhoseScoresAreNotAllKept) {
  ModelConfig large;  // as GPT-2 large
  large.n_layers = 36;
  large.n_heads = 20;
  request_.circuits = {{"large", EdgeCircuit(large, {{Node::Embed(), Node::Logits()}}), EdgeScores(large)}};
  ExpectTaken();
  request_.options.curve = true;
  ExpectRefused("circuits[0]",
                "is of a model of 810703 edges, must be at most 500000 for a curve: circuits of larger ones don't "
                "keep all scores");
}

TEST_F(EvaluationValidationTest, RefusesCircuitsThatAreNone) {
  request_.circuits[1].circuit.nodes.erase(Node::Mlp(1));
  ExpectRefused("circuits[1]", "its edges join M1, which is not one of its nodes");
  request_.circuits[1].circuit = NodeCircuit({Node::Embed()});
  ExpectRefused("circuits[1]", "embed is one of its nodes, which are heads and MLPs");
  request_.circuits[1].circuit = NodeCircuit({Node::Head(0, 1, Node::Input::kQ)});
  ExpectRefused("circuits[1]", "A0.1.q is one of its nodes, which are heads and MLPs");
}

TEST_F(EvaluationValidationTest, RefusesCircuitsOfDifferentModels) {
  ModelConfig other = TwoByTwo();
  other.n_heads = 3;
  request_.circuits.push_back({"other", EdgeCircuit(other, {{Node::Embed(), Node::Logits()}}), {}});
  ExpectRefused("circuits[2]", "2 layers of 3 heads, others have 2 of 2");
  request_.circuits.pop_back();
  request_.circuits[1].scores = EdgeScores(other);
  ExpectRefused("circuits[1]", "2 layers of 3 heads, others have 2 of 2");
}

}  // namespace
}  // namespace circuitd
