#include "server/service/convert_edges.h"

#include <gtest/gtest.h>

namespace circuitd {
namespace {

EdgeCircuitResult ResultOf(double circuit, double model, double empty) {
  return {{}, EdgeSet(ModelConfig{.n_layers = 1, .n_heads = 1}), /*decision_count=*/0, circuit, model, empty};
}

TEST(ConvertEdgesTest, ResultHasItsFaithfulness) {
  const v1::EdgeCircuitResult proto = ToProto(ResultOf(2, 5, 1), v1::METRIC_LOGIT_DIFF);
  EXPECT_DOUBLE_EQ(proto.faithfulness(), 0.25);
}

TEST(ConvertEdgesTest, ResultHasNoFaithfulnessWhereAblatingEverythingChangesNothing) {
  // As with clean and corrupted prompts that are the same: what is left is rounding.
  const v1::EdgeCircuitResult proto = ToProto(ResultOf(-1e-8, 0, 1.4e-8), v1::METRIC_KL_DIV);
  EXPECT_FALSE(proto.has_faithfulness());
  EXPECT_DOUBLE_EQ(proto.circuit_metric(), -1e-8);
}

}  // namespace
}  // namespace circuitd
