#include "server/service/convert_evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace circuitd {
namespace {

EvaluationResult SmallResult() {
  CircuitOnTask cell;
  cell.circuit = 1;
  cell.circuit_metric = 3;
  cell.model_metric = 4;
  cell.empty_metric = 0;
  cell.score = 75;
  cell.drops = {{Node::Mlp(2), 2}, {Edge{Node::Embed(), Node::Head(0, 1, Node::Input::kQ)}, -1}};
  cell.knockouts = {{3, 1.5, 2.5}};
  cell.curve = {{0.5, 7, 2, 0.5}};
  return {{cell}, 12};
}

TEST(ConvertEvaluationTest, ResultsHaveWhatIsKnown) {
  const v1::EvaluationResult proto = ToProto(SmallResult(), 1000);
  EXPECT_EQ(proto.run_count(), 12u);
  ASSERT_EQ(proto.cells_size(), 1);
  const v1::CircuitOnTask& cell = proto.cells(0);
  EXPECT_EQ(cell.circuit(), 1u);
  EXPECT_EQ(cell.score(), 75);
  EXPECT_FALSE(cell.has_faithfulness());
  EXPECT_FALSE(cell.has_random());
  ASSERT_EQ(cell.drops_size(), 2);
  EXPECT_EQ(cell.drops(0).node().kind(), v1::NODE_KIND_MLP);
  EXPECT_EQ(cell.drops(0).drop_percent(), 50);
  EXPECT_EQ(cell.drops(1).edge().receiver().input(), v1::HEAD_INPUT_Q);
  EXPECT_EQ(cell.knockouts(0).size(), 3u);
  EXPECT_EQ(cell.knockouts(0).model_metric(), 2.5);
  EXPECT_EQ(cell.curve(0).edge_count(), 7u);
}

TEST(ConvertEvaluationTest, LargeResultsLeaveOutTheirParts) {
  const size_t bytes = ToProto(SmallResult(), 1000).ByteSizeLong();
  EXPECT_EQ(ToProto(SmallResult(), bytes).cells(0).drops_size(), 2);
  const v1::EvaluationResult proto = ToProto(SmallResult(), bytes - 1);
  EXPECT_EQ(proto.cells(0).drops_size(), 0);
  EXPECT_EQ(proto.cells(0).knockouts_size(), 0);
  EXPECT_EQ(proto.cells(0).circuit_metric(), 3);
  EXPECT_EQ(proto.cells(0).curve_size(), 1);
}

TEST(ConvertEvaluationTest, StepsComeBackAsTheyWere) {
  const EvaluationStep step = FromProto(ToProto(EvaluationStep{5, 1, 2, "random 7", 0.25, 9}));
  EXPECT_EQ(step.index, 5);
  EXPECT_EQ(step.circuit, 1);
  EXPECT_EQ(step.task, 2);
  EXPECT_EQ(step.run, "random 7");
  EXPECT_EQ(step.metric, 0.25);
}

}  // namespace
}  // namespace circuitd
