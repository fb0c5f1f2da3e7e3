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
    return {first, at::stack(residuals)};
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
  const BaseRun base_{network_, prompts_, {{HookKind::kResidPre, HookKind::kResidMid, HookKind::kK, HookKind::kV}, 0}};
};

TEST_F(SuffixRunTest, EqualsTheWholeRunFromEachLayerAndPosition) {
  for (int layer = 0; layer < 3; ++layer) {
    for (const HookKind kind : {HookKind::kResidPre, HookKind::kResidMid}) {
      for (int64_t first = 0; first < 3; ++first) {
        const HookPoint point{kind, layer};
        const auto start = kind == HookKind::kResidPre ? SuffixStart::kBeforeAttention : SuffixStart::kAfterAttention;
        const at::Tensor last = RunSuffix(network_, base_, layer, start, {Segment(point, first, {1})});
        ASSERT_EQ(last.sizes(), at::IntArrayRef({1, 3, 16}));
        EXPECT_TRUE(last[0].allclose(Expected(point, first, 1), 1e-5, 1e-5)) << HookPointName(point) << " " << first;
      }
    }
  }
}

TEST_F(SuffixRunTest, KeepsPatchesAndSegmentsApart) {
  const HookPoint point{HookKind::kResidPre, 1};
  const at::Tensor last =
      RunSuffix(network_, base_, 1, SuffixStart::kBeforeAttention, {Segment(point, 0, {1, 2}), Segment(point, 2, {3})});
  ASSERT_EQ(last.sizes(), at::IntArrayRef({3, 3, 16}));
  EXPECT_TRUE(last[0].allclose(Expected(point, 0, 1), 1e-5, 1e-5));
  EXPECT_TRUE(last[1].allclose(Expected(point, 0, 2), 1e-5, 1e-5));
  EXPECT_TRUE(last[2].allclose(Expected(point, 2, 3), 1e-5, 1e-5));
}

TEST_F(SuffixRunTest, OnlyPicksTheLastPositionsAfterTheLastLayer) {
  const at::Tensor residual = base_.Residual(3);
  const at::Tensor last =
      RunSuffix(network_, base_, 3, SuffixStart::kBeforeAttention, {{1, residual.narrow(1, 1, 5).unsqueeze(0)}});
  EXPECT_TRUE(last[0].equal(AtLastPosition(residual, base_.prompts())));
}

TEST_F(SuffixRunTest, LeavesPromptsAloneThatEndBeforeTheChange) {
  const HookPoint point{HookKind::kResidPre, 1};
  const at::Tensor last = RunSuffix(network_, base_, 1, SuffixStart::kBeforeAttention, {Segment(point, 4, {1})});
  EXPECT_TRUE(last[0][0].allclose(Expected(point, 4, 1)[0], 1e-5, 1e-5));
  EXPECT_TRUE(last.isfinite().all().item<bool>());
}

}  // namespace
}  // namespace circuitd
