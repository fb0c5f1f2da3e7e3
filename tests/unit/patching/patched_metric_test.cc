// Metrics of patched copies of prompts.
#include "server/patching/patched_metric.h"

#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

TEST(PatchedMetricTest, TellsCopiesOfPromptsApart) {
  const c10::InferenceMode guard;
  const auto model = testing::TinyModel(3);
  const std::vector<Answer> answers = {{{1}, {2}}, {{3}, {4}}};
  const at::Tensor residual = at::arange(32, at::kFloat).sin().view({2, 16});
  const at::Tensor clean_logits = model->network().Unembed(residual.flip(0));

  for (const Metric metric : {Metric::kLogitDiff, Metric::kKlDiv, Metric::kNll}) {
    const PatchedMetric patched(model->network(), metric, answers, clean_logits, 7);
    const auto unpatched = patched.OfLogits(model->network().Unembed(residual));
    ASSERT_TRUE(unpatched.ok()) << unpatched.status();
    const auto copies = patched.Of(residual.index_select(0, at::tensor({1, 0, 1}, at::kLong)), {1, 0, 1});
    ASSERT_TRUE(copies.ok()) << copies.status();
    for (const size_t copy : {0, 1, 2}) EXPECT_NEAR((*copies)[copy], (*unpatched)[copy == 1 ? 0 : 1], 1e-5) << copy;
    EXPECT_GT(std::abs((*copies)[0] - (*copies)[1]), 1e-3);
  }
}

TEST(PatchedMetricTest, NamesThePromptWhoseLogitsAreNotFinite) {
  const c10::InferenceMode guard;
  const auto model = testing::TinyModel(3);
  const std::vector<Answer> answers = {{{1}, {2}}, {{3}, {4}}};
  at::Tensor residual = at::ones({2, 16});
  residual[1].fill_(std::numeric_limits<double>::infinity());
  for (const Metric metric : {Metric::kLogitDiff, Metric::kKlDiv, Metric::kNll}) {
    const PatchedMetric patched(model->network(), metric, answers, at::zeros({2, 23}), 7);
    const auto values = patched.Of(residual, {0, 1});
    EXPECT_EQ(values.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(values.status().message()), ::testing::StartsWith("prompts[8]"));
  }
}

}  // namespace
}  // namespace circuitd
