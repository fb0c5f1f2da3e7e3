// Sweeps: the same as whole patched runs, without running what a patch leaves as it was.
#include "server/patching/patching_sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "tests/unit/patching/pair_prompts.h"
#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using testing::MixedPairs;
using testing::MixedPairsAndEqualOne;
using testing::TinyModel;

const std::vector<HookKind> kAllHooks = {HookKind::kResidPre, HookKind::kAttnOut, HookKind::kMlpOut,
                                         HookKind::kZ,        HookKind::kQ,       HookKind::kK,
                                         HookKind::kV,        HookKind::kPattern};
constexpr int64_t kOnePairAtATime = 1;

class PatchingSweepTest : public ::testing::Test {
 protected:
  SweepResult Run(int64_t budget = 1 << 30) {
    const absl::Status valid = ValidateSweep(model_->config(), request_);
    EXPECT_TRUE(valid.ok()) << valid;
    auto result = RunSweep(*model_, request_, {budget, nullptr}, nullptr);
    EXPECT_TRUE(result.ok()) << result.status();
    return std::move(result).value();
  }

  SweepResult Plain() {
    auto result = RunSweepPlainly(*model_, request_, {});
    EXPECT_TRUE(result.ok()) << result.status();
    return std::move(result).value();
  }

  static void ExpectNear(const std::vector<double>& got, const std::vector<double>& expected, const std::string& what) {
    ASSERT_EQ(got.size(), expected.size()) << what;
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(std::isnan(got[i]), std::isnan(expected[i])) << what << " " << i;
      if (std::isnan(got[i])) continue;
      ASSERT_NEAR(got[i], expected[i], 1e-5 * (1 + std::abs(expected[i]))) << what << " " << i;
    }
  }

  static void ExpectSame(const SweepResult& got, const SweepResult& expected) {
    ExpectNear(got.clean, expected.clean, "clean");
    ExpectNear(got.corrupted, expected.corrupted, "corrupted");
    ASSERT_EQ(got.grids.size(), expected.grids.size());
    for (size_t i = 0; i < got.grids.size(); ++i) {
      const std::string hook = HookKindName(expected.grids[i].hook);
      EXPECT_EQ(got.grids[i].hook, expected.grids[i].hook);
      EXPECT_EQ(got.grids[i].layers, expected.grids[i].layers) << hook;
      EXPECT_EQ(got.grids[i].columns, expected.grids[i].columns) << hook;
      ExpectNear(got.grids[i].mean, expected.grids[i].mean, hook);
      ExpectNear(got.grids[i].per_prompt, expected.grids[i].per_prompt, hook);
    }
  }

  std::string Refusal() const { return std::string(ValidateSweep(model_->config(), request_).message()); }

  const std::unique_ptr<Model> model_ = TinyModel(7);
  SweepRequest request_{MixedPairs(), kAllHooks, PatchingDirection::kDenoising, Metric::kLogitDiff, {}, {}};
};

TEST_F(PatchingSweepTest, EqualsWholeRunsInBothDirectionsForEachHookAndMetric) {
  for (const auto direction : {PatchingDirection::kDenoising, PatchingDirection::kNoising}) {
    for (const Metric metric :
         {Metric::kLogitDiff, Metric::kProbDiff, Metric::kKlDiv, Metric::kNll, Metric::kRank, Metric::kAccuracy}) {
      request_.direction = direction;
      request_.metric = metric;
      ExpectSame(Run(), Plain());
    }
  }
}

TEST_F(PatchingSweepTest, DoesNotDependOnMicroBatches) {
  request_.pairs = MixedPairsAndEqualOne();
  const SweepResult plain = Plain();
  ExpectSame(Run(), plain);
  ExpectSame(Run(kOnePairAtATime), plain);
  ExpectSame(Run(100'000), plain);
}

TEST_F(PatchingSweepTest, TakesChosenLayersAndPositionsInTheirOrder) {
  request_.layers = {2, 0};
  request_.positions = {-1, 3, 0, -8, 7};
  const SweepResult result = Run();
  ExpectSame(result, Plain());
  EXPECT_THAT(result.grids[0].layers, ElementsAre(2, 0));
  EXPECT_THAT(result.grids[0].columns, ElementsAre(-1, 3, 0, -8, 7));
  EXPECT_THAT(result.grids[3].columns, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(SweepRuns(model_->config(), request_), 3u * 2 * 5 + 5u * 2 * 4);
}

TEST_F(PatchingSweepTest, LeavesPromptsOutThatLackThePosition) {
  request_.hooks = {HookKind::kResidPre};
  request_.layers = {0};
  request_.positions = {3, -5};
  const SweepGrid grid = Run().grids[0];
  ASSERT_EQ(grid.per_prompt.size(), 6u);
  EXPECT_TRUE(std::isnan(grid.per_prompt[1]));
  EXPECT_TRUE(std::isnan(grid.per_prompt[4]));
  EXPECT_DOUBLE_EQ(grid.mean[0], (grid.per_prompt[0] + grid.per_prompt[2]) / 2);
}

TEST_F(PatchingSweepTest, GivesTheCleanMetricWhereTheCleanResidualStreamIsRestored) {
  request_.pairs.erase(request_.pairs.begin(), request_.pairs.begin() + 2);  // differs in one token
  request_.hooks = {HookKind::kResidPre};
  request_.layers = {0};
  const SweepResult result = Run();
  for (size_t position = 0; position < 8; ++position) {
    if (position == 3) {
      EXPECT_NEAR(result.grids[0].mean[position], result.clean[0], 1e-5);
    } else {
      EXPECT_EQ(result.grids[0].mean[position], result.corrupted[0]) << position;
    }
  }
}

TEST_F(PatchingSweepTest, RunsNothingWhereAPatchChangesNothing) {
  request_.pairs = {{{3, 1, 4, 1}, {3, 1, 4, 1}, {5}, {9}, {}}};
  int forward_passes = 0;
  const ForwardOptions options{1 << 30, [&] {
                                 ++forward_passes;
                                 return absl::OkStatus();
                               }};
  const auto result = RunSweep(*model_, request_, options, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(forward_passes, 2);
  for (const SweepGrid& grid : result->grids) EXPECT_THAT(grid.per_prompt, Each(result->corrupted[0]));
}

TEST_F(PatchingSweepTest, CountsRunsUpToAllOfThem) {
  for (const int64_t budget : {int64_t{1} << 30, kOnePairAtATime}) {
    std::vector<uint64_t> counts;
    const uint64_t total = SweepRuns(model_->config(), request_);
    ASSERT_TRUE(RunSweep(*model_, request_, {budget, nullptr}, [&](uint64_t done, uint64_t of) {
                  EXPECT_EQ(of, total);
                  EXPECT_TRUE(counts.empty() || done > counts.back());
                  counts.push_back(done);
                }).ok());
    ASSERT_FALSE(counts.empty());
    EXPECT_EQ(counts.back(), total);
  }
}

TEST_F(PatchingSweepTest, TriesAgainInHalvesWhereMemoryIsShort) {
  const SweepResult undisturbed = Run();
  int calls = 0;
  const ForwardOptions options{
      1 << 30, [&] { return ++calls == 20 ? absl::ResourceExhaustedError("short of memory") : absl::OkStatus(); }};
  uint64_t counted = 0;
  const auto result = RunSweep(*model_, request_, options, [&](uint64_t done, uint64_t) {
    EXPECT_GT(done, counted);
    counted = done;
  });
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectSame(*result, undisturbed);
  EXPECT_EQ(counted, SweepRuns(model_->config(), request_));
}

TEST_F(PatchingSweepTest, StopsAtTheCheckpoint) {
  int left = 5;
  const ForwardOptions options{1 << 30, [&] { return --left > 0 ? absl::OkStatus() : absl::CancelledError("enough"); }};
  EXPECT_EQ(RunSweep(*model_, request_, options, nullptr).status().message(), "enough");
  left = 5;
  EXPECT_EQ(RunSweepPlainly(*model_, request_, options).status().message(), "enough");
}

TEST_F(PatchingSweepTest, RejectsHooksThatAreNotSwept) {
  request_.hooks = {};
  EXPECT_EQ(Refusal(), "hooks: none, at least 1 is needed");
  request_.hooks = {HookKind::kZ, HookKind::kResult};
  EXPECT_THAT(Refusal(), ::testing::StartsWith("hooks[1]: 'attn.hook_result' can't be swept; hook_resid_pre, "));
  request_.hooks = {HookKind::kZ, HookKind::kZ};
  EXPECT_EQ(Refusal(), "hooks[1]: 'attn.hook_z' is there twice");
}

TEST_F(PatchingSweepTest, RejectsLayersAndPositions) {
  request_.layers = {0, 3};
  EXPECT_EQ(Refusal(), "layers[1]: 3, model has 3 (0-2)");
  request_.layers = {-1};
  EXPECT_EQ(Refusal(), "layers[0]: -1, model has 3 (0-2)");
  request_.layers = {1, 1};
  EXPECT_EQ(Refusal(), "layers[1]: 1 is there twice");
  request_.layers = {};
  request_.positions = {7, 8};
  EXPECT_EQ(Refusal(), "positions[1]: 8, the longest prompt has 8 tokens (-8 to 7)");
  request_.positions = {std::numeric_limits<int>::min()};
  EXPECT_EQ(Refusal(), "positions[0]: -2147483648, the longest prompt has 8 tokens (-8 to 7)");
  request_.positions = {-1, -1};
  EXPECT_EQ(Refusal(), "positions[1]: -1 is there twice");
  request_.positions = {1};
  request_.hooks = {HookKind::kZ};
  EXPECT_EQ(Refusal(), "positions: all hooks have heads as columns");
}

TEST_F(PatchingSweepTest, RejectsPairsThatCannotBePatched) {
  const PromptPairs pairs = request_.pairs;
  const auto refusal = [&](auto change) {
    request_.pairs = pairs;
    change(request_.pairs);
    return Refusal();
  };
  EXPECT_EQ(refusal([](auto& p) { p.clear(); }), "prompts: none, at least 1 pair is needed");
  EXPECT_EQ(refusal([](auto& p) { p[1].clean.clear(); }), "prompts[1].clean: 0 tokens, at least 1 is needed");
  EXPECT_EQ(refusal([](auto& p) { p[1].clean.resize(13); }), "prompts[1].clean: 13 tokens, n_ctx is 12");
  EXPECT_EQ(refusal([](auto& p) { p[1].corrupted.clear(); }),
            "prompts[1].corrupted: none, patching needs one for each clean prompt");
  EXPECT_EQ(refusal([](auto& p) { p[1].corrupted.pop_back(); }),
            "prompts[1].corrupted: 2 tokens, its clean prompt has 3");
  EXPECT_EQ(refusal([](auto& p) { p[1].corrupted[2] = 23; }), "prompts[1].corrupted[2]: 23, d_vocab is 23 (0-22)");
  EXPECT_EQ(refusal([](auto& p) { p[1].clean[0] = -1; }), "prompts[1].clean[0]: -1, d_vocab is 23 (0-22)");
  EXPECT_EQ(refusal([](auto& p) { p[1].correct.clear(); }), "prompts[1].correct: none, the metric needs at least 1");
  EXPECT_EQ(refusal([](auto& p) { p[1].incorrect.clear(); }),
            "prompts[1].incorrect: none, the metric needs at least 1");
  EXPECT_EQ(refusal([](auto& p) { p[1].correct = {5, 23}; }), "prompts[1].correct[1]: 23, d_vocab is 23 (0-22)");
  request_.metric = Metric::kNll;
  EXPECT_EQ(refusal([](auto& p) { p[1].incorrect.clear(); }), "");
  request_.metric = Metric::kKlDiv;
  EXPECT_EQ(refusal([](auto& p) { p[1].correct.clear(); }), "");
}

TEST_F(PatchingSweepTest, RejectsMoreValuesThanAnAnswerMayHave) {
  request_.pairs.assign(1 << 19, request_.pairs[2]);
  request_.hooks = {HookKind::kResidPre};  // 3 layers x 8 positions
  EXPECT_EQ(Refusal(), "");
  request_.hooks = kAllHooks;
  EXPECT_EQ(Refusal(), "hooks: 132 patched runs of 524288 pairs, at most 33554432 values (runs x pairs) are answered");
}

}  // namespace
}  // namespace circuitd
