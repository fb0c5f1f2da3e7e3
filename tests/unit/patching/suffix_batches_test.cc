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
  std::vector<size_t> Split(const std::vector<SuffixSize>& sizes, SuffixLimits limits) const {
    return SplitSuffixes(network_.config(), 4, 1, sizes, limits);
  }

  const c10::InferenceMode guard_;
  const std::unique_ptr<Model> model_ = testing::TinyModel(3);
  const Gpt2& network_ = model_->network();
  const std::vector<std::vector<int>> prompts_ = {{1, 2, 3, 4}, {7, 8, 9}};
  const BaseRun base_{LayerProducts(network_, 3), prompts_, {{}, 0}};
};

TEST_F(SuffixBatchesTest, FillsRunsUpToTheLimitOfRows) {
  const std::vector<SuffixSize> sizes = {{2, 8}, {2, 8}, {2, 6}, {2, 4}, {2, 2}};
  EXPECT_THAT(Split(sizes, {1e12, 100, 16}), ElementsAre(2, 3));
  EXPECT_THAT(Split(sizes, {1e12, 100, 15}), ElementsAre(1, 2, 2));
  EXPECT_THAT(Split({}, {1e12, 100, 16}), IsEmpty());
}

TEST_F(SuffixBatchesTest, RunsAloneWhatIsOverALimit) {
  const std::vector<SuffixSize> sizes = {{2, 8}, {2, 8}};
  EXPECT_THAT(Split(sizes, {1e12, 100, 1}), ElementsAre(1, 1));
  EXPECT_THAT(Split(sizes, {1, 100, 100}), ElementsAre(1, 1));
  EXPECT_THAT(Split(sizes, {1e12, 1, 100}), ElementsAre(1, 1));
  EXPECT_THAT(Split(sizes, {1e12, 3, 100}), ElementsAre(1, 1));
  EXPECT_THAT(Split(sizes, {1e12, 4, 100}), ElementsAre(2));
}

TEST_F(SuffixBatchesTest, FillsRunsUpToTheLimitOfOperations) {
  const double of_two = SuffixFlops(network_.config(), 4, 1, 2, 8);
  EXPECT_THAT(Split({{1, 4}, {1, 4}, {1, 4}}, {of_two, 100, 100}), ElementsAre(2, 1));
}

TEST_F(SuffixBatchesTest, LeavesRoomForWhatUnpatchedRunsKeep) {
  const MicroBatchLimits alone = PatchingLimits(network_, 0, 0);
  const int64_t of_copy = ActivationBytes(network_.config(), 1, base_.pos(), alone);
  EXPECT_EQ(SuffixLimitsFor(network_, base_, 3 * of_copy, 0).max_copies, 3);
  EXPECT_EQ(SuffixLimitsFor(network_, base_, 3 * of_copy, of_copy / 8).max_copies, 2);
  EXPECT_EQ(SuffixLimitsFor(network_, base_, 0, of_copy).max_copies, 1);
}

}  // namespace
}  // namespace circuitd
