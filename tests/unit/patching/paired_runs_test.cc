// Which weights are packed for the patched runs of pairs.
#include "server/patching/paired_runs.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/patching/pair_prompts.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

class PairedRunsTest : public ::testing::Test {
 protected:
  // Of each layer.
  std::vector<bool> Packed(const PromptPairs& pairs, int first_layer, uint64_t patched_runs, int64_t budget) const {
    const PairedKeeps keeps{{{HookKind::kK}, first_layer}, {{HookKind::kK}, first_layer}};
    std::vector<bool> packed;
    const absl::Status status = ForEachPairedRuns(network_, pairs, Metric::kLogitDiff, keeps, patched_runs,
                                                  {budget, nullptr}, [&](const PairedRuns& runs) {
                                                    packed.clear();
                                                    for (int layer = 0; layer < 3; ++layer) {
                                                      packed.push_back(runs.products.At(layer).in.packed());
                                                    }
                                                    return absl::OkStatus();
                                                  });
    EXPECT_TRUE(status.ok()) << status;
    return packed;
  }

  const std::unique_ptr<Model> model_ = testing::TinyModel(3);
  const Gpt2& network_ = model_->network();
  const bool can_pack_ = LayerProducts(network_, 0).At(0).in.packed();
  const std::vector<bool> none_ = {false, false, false};
};

TEST_F(PairedRunsTest, PackLayersFromTheFirstOnWherePatchedRunsPay) {
  EXPECT_EQ(Packed(testing::MixedPairs(), 1, 1000, 1 << 30), (std::vector<bool>{false, can_pack_, can_pack_}));
  EXPECT_EQ(Packed(testing::MixedPairs(), 1, 10, 1 << 30), none_);
}

TEST_F(PairedRunsTest, PackLowerLayersWhereUnpatchedRunsPay) {
  const PromptPairs many(100, testing::MixedPairs()[2]);
  EXPECT_EQ(Packed(many, 1, 1000, 1 << 30), (std::vector<bool>{can_pack_, can_pack_, can_pack_}));
}

TEST_F(PairedRunsTest, PackNothingThatTakesOverHalfOfTheBudget) {
  const int64_t bytes = LayerProducts::PackedBytes(network_, 1);
  EXPECT_EQ(Packed(testing::MixedPairs(), 1, 1000, 2 * bytes - 1), none_);
  EXPECT_EQ(Packed(testing::MixedPairs(), 1, 1000, 2 * bytes), (std::vector<bool>{false, can_pack_, can_pack_}));
}

}  // namespace
}  // namespace circuitd
