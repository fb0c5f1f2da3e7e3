// Metrics of patched runs in which some prompts are as they were.
#include "server/patching/patched_metric.h"

#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

TEST(PatchedMetricTest, ChecksOnlyPromptsThatChanged) {
  const c10::InferenceMode guard;
  const auto model = testing::TinyModel(3);
  const std::vector<Answer> answers = {{{1}, {2}}, {{3}, {4}}};
  const at::Tensor clean_logits = at::zeros({2, 23});
  at::Tensor last_residual = at::ones({1, 2, 16});
  last_residual[0][1].fill_(std::numeric_limits<double>::infinity());
  const auto changed = [](bool first, bool second) {
    return at::tensor({int{first}, int{second}}).to(at::kBool).unsqueeze(0);
  };

  for (const Metric metric : {Metric::kLogitDiff, Metric::kKlDiv, Metric::kNll}) {
    const PatchedMetric patched(model->network(), metric, answers, clean_logits, 7);
    const auto values = patched.Of(last_residual, changed(true, false));
    ASSERT_TRUE(values.ok()) << values.status();
    const auto alone = patched.Of(at::ones({1, 2, 16}), changed(true, true));
    ASSERT_TRUE(alone.ok()) << alone.status();
    EXPECT_EQ((*values)[0][0], (*alone)[0][0]);

    const auto both = patched.Of(last_residual, changed(true, true));
    EXPECT_EQ(both.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(both.status().message()), ::testing::StartsWith("prompts[8]"));
  }
}

}  // namespace
}  // namespace circuitd
