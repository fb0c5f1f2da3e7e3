// Runs that go on from a changed residual stream: the same as whole runs with that change.
#include "server/patching/suffix_run.h"

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "server/model/gpt2.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

using testing::TinyModel;

// Adds a vector to the residual stream from a position on, in the kinds of hook points that runs go on from.
class AddFrom : public Hooks {
 public:
  AddFrom(HookPoint point, int64_t first, double number) : point_(point), first_(first), number_(number) {}

  bool Wants(HookPoint point) const override { return point == point_; }
  void Visit(HookPoint, at::Tensor& value) override {
    value = value.clone();
    value.narrow(1, first_, value.size(1) - first_).add_(Change(value));
  }

  // [1, 1, d_model], so that LayerNorm does not take it away.
  at::Tensor Change(const at::Tensor& value) const {
    return at::arange(value.size(-1), value.options()).mul(number_).sin().view({1, 1, -1});
  }

 private:
  const HookPoint point_;
  const int64_t first_;
  const double number_;
};

class SuffixRunTest : public ::testing::Test {
 protected:
  at::Tensor Kept(HookPoint point, int n_layers) const {
    if (point.kind == HookKind::kResidMid) return base_.At(HookKind::kResidMid, point.layer);
    return point.layer == n_layers ? base_.Residual(n_layers) : base_.At(HookKind::kResidPre, point.layer);
  }

  SuffixSegment Segment(HookPoint point, int64_t first, const std::vector<double>& numbers) const {
    std::vector<at::Tensor> residuals;
    const at::Tensor from = Kept(point, 3).narrow(1, first, base_.pos() - first);
    for (const double number : numbers) residuals.push_back(from + AddFrom(point, first, number).Change(from));
    return OfAllPrompts(first, at::stack(residuals));
  }

  // residual [patches, batch, rows, d_model].
  static SuffixSegment OfAllPrompts(int64_t first, const at::Tensor& residual) {
    std::vector<int64_t> prompts;
    for (int64_t copy = 0; copy < residual.size(0) * residual.size(1); ++copy) prompts.push_back(copy % 3);
    return {first, prompts, residual.flatten(0, 1)};
  }

  // [patches, batch, d_model].
  at::Tensor RunOfAllPrompts(int layer, SuffixStart start, const std::vector<SuffixSegment>& segments) const {
    return RunSuffix(products_, base_, layer, start, segments).unflatten(0, {-1, 3});
  }

  // By a whole run.
  at::Tensor Expected(HookPoint point, int64_t first, double number) const {
    AddFrom hooks(point, first, number);
    return AtLastPosition(network_.Run(base_.prompts().tokens, &hooks), base_.prompts());
  }

  const c10::InferenceMode guard_;
  const std::unique_ptr<Model> model_ = TinyModel(3);
  const Gpt2& network_ = model_->network();
  const std::vector<std::vector<int>> prompts_ = {{1, 2, 3, 4, 5, 6}, {7, 8, 9}, {10, 11, 12, 13}};
  const LayerProducts products_{network_, 0};
  const BaseRun base_{
      products_, prompts_, {{HookKind::kResidPre, HookKind::kResidMid, HookKind::kQ, HookKind::kK, HookKind::kV}, 0}};
};

TEST_F(SuffixRunTest, EqualsTheWholeRunFromEachLayerAndPosition) {
  for (int layer = 0; layer < 3; ++layer) {
    for (const HookKind kind : {HookKind::kResidPre, HookKind::kResidMid}) {
      for (int64_t first = 0; first < 3; ++first) {
        const HookPoint point{kind, layer};
        const auto start = kind == HookKind::kResidPre ? SuffixStart::kBeforeAttention : SuffixStart::kAfterAttention;
        const at::Tensor last = RunOfAllPrompts(layer, start, {Segment(point, first, {1})});
        ASSERT_EQ(last.sizes(), at::IntArrayRef({1, 3, 16}));
        EXPECT_TRUE(last[0].allclose(Expected(point, first, 1), 1e-5, 1e-5)) << HookPointName(point) << " " << first;
      }
    }
  }
}

TEST_F(SuffixRunTest, KeepsPatchesAndSegmentsApart) {
  const HookPoint point{HookKind::kResidPre, 1};
  const at::Tensor last =
      RunOfAllPrompts(1, SuffixStart::kBeforeAttention, {Segment(point, 0, {1, 2}), Segment(point, 2, {3})});
  ASSERT_EQ(last.sizes(), at::IntArrayRef({3, 3, 16}));
  EXPECT_TRUE(last[0].allclose(Expected(point, 0, 1), 1e-5, 1e-5));
  EXPECT_TRUE(last[1].allclose(Expected(point, 0, 2), 1e-5, 1e-5));
  EXPECT_TRUE(last[2].allclose(Expected(point, 2, 3), 1e-5, 1e-5));
}

TEST_F(SuffixRunTest, TakesRowsAfterTheGivenOnesFromTheBaseRun) {
  for (int layer = 0; layer < 3; ++layer) {
    for (const int64_t rows : {1, 2, 4}) {
      const at::Tensor base = base_.Residual(layer);
      at::Tensor changed = base.clone();
      changed.narrow(1, 1, rows).add_(0.5 * at::arange(16, base.options()).sin());
      const at::Tensor own = changed.narrow(1, 1, rows).unsqueeze(0);
      const at::Tensor last = RunOfAllPrompts(layer, SuffixStart::kBeforeAttention, {OfAllPrompts(1, own)});
      const at::Tensor expected = AtLastPosition(network_.RunLayers(changed, layer, 3), base_.prompts());
      EXPECT_TRUE(last[0].allclose(expected, 1e-5, 1e-5)) << layer << " " << rows;
    }
  }
}

TEST_F(SuffixRunTest, RunsCopiesOfSomePrompts) {
  const HookPoint point{HookKind::kResidPre, 1};
  const SuffixSegment all = Segment(point, 2, {1, 2});
  const at::Tensor some = all.residual.index_select(0, at::tensor({5, 0}, at::kLong));
  const at::Tensor last = RunSuffix(products_, base_, 1, SuffixStart::kBeforeAttention, {{2, {2, 0}, some}});
  EXPECT_TRUE(last[0].allclose(Expected(point, 2, 2)[2], 1e-5, 1e-5));
  EXPECT_TRUE(last[1].allclose(Expected(point, 2, 1)[0], 1e-5, 1e-5));
}

TEST_F(SuffixRunTest, OnlyPicksTheLastPositionsAfterTheLastLayer) {
  const at::Tensor residual = base_.Residual(3);
  const at::Tensor last =
      RunOfAllPrompts(3, SuffixStart::kBeforeAttention, {OfAllPrompts(1, residual.narrow(1, 1, 5).unsqueeze(0))});
  EXPECT_TRUE(last[0].equal(AtLastPosition(residual, base_.prompts())));
}

TEST_F(SuffixRunTest, LeavesPromptsAloneThatEndBeforeTheChange) {
  const HookPoint point{HookKind::kResidPre, 1};
  const at::Tensor last = RunOfAllPrompts(1, SuffixStart::kBeforeAttention, {Segment(point, 4, {1})});
  EXPECT_TRUE(last[0][0].allclose(Expected(point, 4, 1)[0], 1e-5, 1e-5));
  EXPECT_TRUE(last.isfinite().all().item<bool>());
}

}  // namespace
}  // namespace circuitd
