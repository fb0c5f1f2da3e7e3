// How attribution goes on after what was done of it, stops, and makes do with less memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "server/circuit/attribution/edge_attribution.h"
#include "tests/unit/circuit/attribution/attribute.h"
#include "tests/unit/patching/pair_prompts.h"
#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

using testing::Attribute;
using ::testing::ElementsAre;
using testing::ExpectSame;
using ::testing::HasSubstr;
using testing::kGradientMethods;
using testing::Largest;
using testing::MixedPairs;
using testing::MixedPairsAndEqualOne;
using testing::Options;
using testing::TinyModel;
using Method = AttributionMethod;

TEST(AttributionStepsTest, TriesAgainInHalvesWhereMemoryRunsOut) {
  const auto model = TinyModel(6);
  for (const Method method : kGradientMethods) {
    const EdgeScores together = Attribute(*model, MixedPairs(), Options(method));
    std::vector<int64_t> done, left;
    AttributionCallbacks callbacks;
    int calls = 0;
    // The first call comes before the micro-batch, the third in the middle of it.
    callbacks.checkpoint = [&] {
      return ++calls == 3 ? absl::ResourceExhaustedError("out of memory") : absl::OkStatus();
    };
    callbacks.on_step = [&](const AttributionStep& step) {
      done.push_back(step.pairs_done);
      left.push_back(step.steps_left);
    };
    ExpectSame(Attribute(*model, MixedPairs(), Options(method), callbacks), together, 1e-5 * Largest(together));
    EXPECT_THAT(done, ElementsAre(1, 3));
    EXPECT_THAT(left, ElementsAre(1, 0));
  }
}

TEST(AttributionStepsTest, GoesOnAfterEveryStep) {
  const auto model = TinyModel(2);
  for (const Method method : kGradientMethods) {
    AttributionOptions options = Options(method, Metric::kProbDiff, EdgeAblation::kResample);
    options.runs.micro_batch_prompts = 1;
    std::vector<AttributionStep> steps;
    AttributionCallbacks callbacks;
    callbacks.on_step = [&](const AttributionStep& step) { steps.push_back(step); };
    const EdgeScores whole = Attribute(*model, MixedPairsAndEqualOne(), options, callbacks);
    ASSERT_EQ(steps.size(), 4u);
    EXPECT_EQ(EstimateAttribution(*model, MixedPairsAndEqualOne(), options).steps, 4);
    for (size_t made = 0; made <= steps.size(); ++made) {
      std::vector<int64_t> done, left;
      callbacks.on_step = [&](const AttributionStep& step) {
        done.push_back(step.pairs_done);
        left.push_back(step.steps_left);
      };
      const EdgeScores continued =
          Attribute(*model, MixedPairsAndEqualOne(), options, callbacks, absl::MakeConstSpan(steps).first(made));
      EXPECT_EQ(continued.values(), whole.values());
      ASSERT_EQ(done.size(), 4 - made);
      for (size_t i = 0; i < done.size(); ++i) {
        EXPECT_EQ(done[i], static_cast<int64_t>(made + i + 1));
        EXPECT_EQ(left[i], 4 - done[i]);
      }
    }
  }
}

TEST(AttributionStepsTest, RefusesStepsThatItDoesNotMake) {
  const auto model = TinyModel(2);
  const size_t size = EdgeScores(model->config()).values().size();
  const auto refusal = [&](const AttributionStep& first, const AttributionStep& second) {
    const std::vector<AttributionStep> made = {first, second};
    return AttributeEdges(*model, MixedPairs(), Options(Method::kEap), {}, made).status();
  };
  const AttributionStep good{1, 0, std::vector<double>(size), 2};
  AttributionStep shorter = good, same = good, beyond = good;
  shorter.pairs_done = 2;
  shorter.sums.pop_back();
  beyond.pairs_done = 4;
  for (const AttributionStep& bad : {shorter, same, beyond}) {
    const absl::Status status = refusal(good, bad);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("step 1 "));
  }
}

TEST(AttributionStepsTest, StopsAtEveryCheckpoint) {
  const auto model = TinyModel(2);
  for (const Method method : kGradientMethods) {
    const Metric metric = method == Method::kEap ? Metric::kNll : Metric::kKlDiv;
    AttributionOptions options = Options(method, metric);
    options.steps = 2;
    options.runs.micro_batch_prompts = 2;
    int all = 0;
    Attribute(*model, MixedPairs(), options, {[&] { return ++all, absl::OkStatus(); }, nullptr});
    // Per micro-batch: outside values, clean ones, of kl_div clean logits; each differentiable run has two passes.
    const int plain_runs = metric == Metric::kKlDiv ? 3 : 2;
    const int runs = method == Method::kEap ? 1 : method == Method::kEapIgInputs ? 2 : 2 * 7;
    EXPECT_EQ(all, 2 * (plain_runs + 2 * runs));
    for (int stop_at = 1; stop_at <= all; ++stop_at) {
      int calls = 0;
      const Checkpoint checkpoint = [&] {
        return ++calls == stop_at ? absl::CancelledError("stopped") : absl::OkStatus();
      };
      EXPECT_EQ(AttributeEdges(*model, MixedPairs(), options, {checkpoint, nullptr}).status(),
                absl::CancelledError("stopped"));
      EXPECT_EQ(calls, stop_at);
    }
  }
}

}  // namespace
}  // namespace circuitd
