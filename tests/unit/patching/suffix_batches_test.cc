// Which patched runs go side by side.
#include "server/patching/suffix_batches.h"

#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/patching/suffix_run.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SuffixBatchesTest : public ::testing::Test {
 protected:
  std::vector<size_t> Split(const std::vector<int64_t>& firsts, SuffixLimits limits) const {
    return SplitPatches(network_.config(), base_, 1, firsts, limits);
  }

  const c10::InferenceMode guard_;
  const std::unique_ptr<Model> model_ = testing::TinyModel(3);
  const Gpt2& network_ = model_->network();
  const std::vector<std::vector<int>> prompts_ = {{1, 2, 3, 4}, {7, 8, 9}};  // 8 rows from position 0
  const BaseRun base_{network_, prompts_, {{}, 0}};
};

TEST_F(SuffixBatchesTest, FillsRunsUpToTheLimitOfRows) {
  EXPECT_THAT(Split({0, 0, 1, 2, 3}, {1e12, 100, 16}), ElementsAre(2, 3));
  EXPECT_THAT(Split({0, 0, 1, 2, 3}, {1e12, 100, 15}), ElementsAre(1, 2, 2));
  EXPECT_THAT(Split({}, {1e12, 100, 16}), IsEmpty());
}

TEST_F(SuffixBatchesTest, RunsAPatchAloneThatIsOverALimit) {
  EXPECT_THAT(Split({0, 0}, {1e12, 100, 1}), ElementsAre(1, 1));
  EXPECT_THAT(Split({0, 0}, {1, 100, 100}), ElementsAre(1, 1));
  EXPECT_THAT(Split({0, 0}, {1e12, 1, 100}), ElementsAre(1, 1));
}

TEST_F(SuffixBatchesTest, FillsRunsUpToTheLimitOfOperations) {
  const double of_two = SuffixFlops(network_.config(), base_, 1, 2, 16);
  EXPECT_THAT(Split({0, 0, 0}, {of_two, 100, 100}), ElementsAre(2, 1));
}

TEST_F(SuffixBatchesTest, LeavesRoomForWhatUnpatchedRunsKeep) {
  const MicroBatchLimits alone = PatchingLimits(network_, 0, 0);
  const int64_t of_patch = ActivationBytes(network_.config(), base_.batch(), base_.pos(), alone);
  EXPECT_EQ(SuffixLimitsFor(network_, base_, 3 * of_patch, 0).max_patches, 3);
  EXPECT_EQ(SuffixLimitsFor(network_, base_, 3 * of_patch, of_patch / 8).max_patches, 2);
  EXPECT_EQ(SuffixLimitsFor(network_, base_, 0, of_patch).max_patches, 1);
}

}  // namespace
}  // namespace circuitd
