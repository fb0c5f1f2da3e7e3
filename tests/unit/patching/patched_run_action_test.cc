// What each action makes of its slice, against the same change made by hand.
#include <gmock/gmock.h>

#include <limits>

#include "server/model/logit_readout.h"
#include "tests/unit/patching/patched_run_fixture.h"

namespace circuitd {
namespace {

using testing::Floats;
using testing::Indices;
using testing::On;
using testing::Ramp;
using testing::ToTorch;

// The kinds of axes, with hook points in layers and outside.
const HookPoint kPosHooks[] = {
    {HookKind::kEmbed},      {HookKind::kPosEmbed},     {HookKind::kResidPre, 1},      {HookKind::kLn1Scale, 0},
    {HookKind::kMlpPost, 2}, {HookKind::kLnFinalScale}, {HookKind::kLnFinalNormalized}};
const HookPoint kHeadHooks[] = {
    {HookKind::kQInput, 1}, {HookKind::kQ, 0}, {HookKind::kV, 2}, {HookKind::kZ, 1}, {HookKind::kResult, 1}};
const HookPoint kAttentionHooks[] = {{HookKind::kAttnScores, 0}, {HookKind::kPattern, 1}};

// Heads 3 and 1 (in this order), positions 1 and the last one, keys 0 and the last one but one.
constexpr int kHeads[] = {3, 1};

class PatchedRunActionTest : public testing::PatchedRunFixture {
 protected:
  // A slice's vector or element: of a prompt, the number of a head and of a position in the slice, and of a key.
  using Edit = std::function<void(at::Tensor slice, int64_t prompt, int64_t head, int64_t position, int64_t key)>;

  int64_t Length(int64_t prompt) { return static_cast<int64_t>(request_.prompts[prompt].size()); }

  // Compares with `edit`, called for every slice by its place in `value`.
  void ExpectAsByHand(HookPoint hook, testing::Action action, const std::function<Edit(HookPoint)>& make_edit) {
    SCOPED_TRACE(HookPointName(hook));
    const HookAxes axes = AxesOf(hook.kind);
    const bool attention = axes == HookAxes::kHeadsQueryKey;
    RunWith({On(hook, std::move(action), axes == HookAxes::kPos ? std::vector<int>{} : std::vector<int>{3, 1},
                Indices({-1, 1}), attention ? Indices({0, -2}) : PositionSelector{})});
    const Edit edit = make_edit(hook);
    const at::Tensor by_hand = ByHand(hook, [&](at::Tensor& value) {
      for (int64_t prompt = 0; prompt < value.size(0); ++prompt) {
        const int64_t positions[] = {1, Length(prompt) - 1}, keys[] = {0, Length(prompt) - 2};
        for (int64_t p = 0; p < 2; ++p) {
          if (axes == HookAxes::kPos) edit(value[prompt][positions[p]], prompt, 0, p, 0);
          for (int64_t h = 0; h < 2; ++h) {
            if (axes == HookAxes::kPosHeads) edit(value[prompt][positions[p]][kHeads[h]], prompt, h, p, 0);
            for (int64_t k = 0; k < 2 && attention; ++k) {
              if (keys[k] <= positions[p]) edit(value[prompt][kHeads[h]][positions[p]][keys[k]], prompt, h, p, k);
            }
          }
        }
      }
    });
    ExpectLastLogits(by_hand);
  }

  void ExpectAsByHandEverywhere(const testing::Action& action, const std::function<Edit(HookPoint)>& make_edit) {
    for (const HookPoint hook : kPosHooks) ExpectAsByHand(hook, action, make_edit);
    for (const HookPoint hook : kHeadHooks) ExpectAsByHand(hook, action, make_edit);
    for (const HookPoint hook : kAttentionHooks) ExpectAsByHand(hook, action, make_edit);
  }

  static std::function<Edit(HookPoint)> Simply(const std::function<void(at::Tensor)>& edit) {
    return [edit](HookPoint) {
      return [edit](const at::Tensor& slice, int64_t, int64_t, int64_t, int64_t) { edit(slice); };
    };
  }

  PatchedRunActionTest() {
    // Of two positions and two keys apart in each.
    request_.prompts = {{1, 2, 3, 4, 9}, {5, 6, 8}};
    request_.source_prompts = {{7, 8, 9, 10, 2}, {11, 12, 1}};
  }
};

TEST_F(PatchedRunActionTest, Zero) {
  for (const HookPoint hook : kPosHooks) {
    const bool scale = WidthOf(hook.kind, model_->config()) == 1;  // nothing can be divided by 0
    if (!scale) ExpectAsByHand(hook, Ablation::kZero, Simply([](at::Tensor slice) { slice.zero_(); }));
  }
  for (const HookPoint hook : kHeadHooks) {
    ExpectAsByHand(hook, Ablation::kZero, Simply([](at::Tensor slice) { slice.zero_(); }));
  }
  for (const HookPoint hook : kAttentionHooks) {
    ExpectAsByHand(hook, Ablation::kZero, Simply([](at::Tensor slice) { slice.zero_(); }));
  }
}

TEST_F(PatchedRunActionTest, Scale) {
  ExpectAsByHandEverywhere(ScaleBy{-2.5}, Simply([](at::Tensor slice) { slice.mul_(-2.5); }));
}

TEST_F(PatchedRunActionTest, SetToOneNumber) {
  ExpectAsByHandEverywhere(SetTo{Floats({}, {0.5})}, Simply([](at::Tensor slice) { slice.fill_(0.5); }));
}

TEST_F(PatchedRunActionTest, AddOneNumber) {
  ExpectAsByHandEverywhere(AddVector{Floats({1, 1}, {0.5}), -3}, Simply([](at::Tensor slice) { slice.add_(-1.5); }));
}

TEST_F(PatchedRunActionTest, Resample) {
  ExpectAsByHandEverywhere(Ablation::kResample, [&](HookPoint hook) -> Edit {
    const at::Tensor source = ValueAt(hook, request_.source_prompts);
    return [this, source, axes = AxesOf(hook.kind)](at::Tensor slice, int64_t prompt, int64_t h, int64_t p, int64_t k) {
      const int64_t position = p == 0 ? 1 : Length(prompt) - 1, key = k == 0 ? 0 : Length(prompt) - 2;
      if (axes == HookAxes::kPos) slice.copy_(source[prompt][position]);
      if (axes == HookAxes::kPosHeads) slice.copy_(source[prompt][position][kHeads[h]]);
      if (axes == HookAxes::kHeadsQueryKey) slice.copy_(source[prompt][kHeads[h]][position][key]);
    };
  });
}

TEST_F(PatchedRunActionTest, MeanOverSourcesThatHaveThePosition) {
  request_.source_prompts = {{7, 8, 9, 10, 2}, {11, 12, 1}, {4, 4, 4, 5}};  // as many as they like
  ExpectAsByHandEverywhere(Ablation::kMean, [&](HookPoint hook) -> Edit {
    const at::Tensor source = ValueAt(hook, request_.source_prompts);
    return [this, source, axes = AxesOf(hook.kind)](at::Tensor slice, int64_t prompt, int64_t h, int64_t p, int64_t k) {
      const int64_t position = p == 0 ? 1 : Length(prompt) - 1, key = k == 0 ? 0 : Length(prompt) - 2;
      at::Tensor sum = at::zeros(slice.sizes(), at::kDouble);
      int count = 0;
      for (size_t i = 0; i < request_.source_prompts.size(); ++i) {
        if (static_cast<size_t>(position) >= request_.source_prompts[i].size()) continue;
        ++count;
        const int64_t row = static_cast<int64_t>(i);
        if (axes == HookAxes::kPos) sum += source[row][position];
        if (axes == HookAxes::kPosHeads) sum += source[row][position][kHeads[h]];
        if (axes == HookAxes::kHeadsQueryKey) sum += source[row][kHeads[h]][position][key];
      }
      slice.copy_(sum / count);
    };
  });
}

TEST_F(PatchedRunActionTest, SetToTensorsOfTheWholeSlice) {
  for (const HookPoint hook : kPosHooks) {
    const int64_t width = WidthOf(hook.kind, model_->config());
    const at::Tensor ramp = ToTorch(Ramp({2, width}));
    ExpectAsByHand(hook, SetTo{Ramp({2, width})}, [&](HookPoint) -> Edit {
      return [&](at::Tensor slice, int64_t, int64_t, int64_t p, int64_t) { slice.copy_(ramp[p]); };
    });
  }
  for (const HookPoint hook : kHeadHooks) {
    const int64_t width = WidthOf(hook.kind, model_->config());
    const at::Tensor ramp = ToTorch(Ramp({2, 2, width}));
    ExpectAsByHand(hook, SetTo{Ramp({2, 2, width})}, [&](HookPoint) -> Edit {
      return [&](at::Tensor slice, int64_t, int64_t h, int64_t p, int64_t) { slice.copy_(ramp[p][h]); };
    });
  }
  for (const HookPoint hook : kAttentionHooks) {
    const at::Tensor ramp = ToTorch(Ramp({2, 2, 2}));
    ExpectAsByHand(hook, SetTo{Ramp({2, 2, 2})}, [&](HookPoint) -> Edit {
      return [&](at::Tensor slice, int64_t, int64_t h, int64_t p, int64_t k) { slice.copy_(ramp[h][p][k]); };
    });
  }
}

TEST_F(PatchedRunActionTest, AddTensorsOfItsOwnToEachPrompt) {
  const HookPoint resid = kPosHooks[2];
  const at::Tensor by_prompt = ToTorch(Ramp({2, 1, 16}));
  ExpectAsByHand(resid, AddVector{Ramp({2, 1, 16}), 0.5}, [&](HookPoint) -> Edit {
    return [&](at::Tensor slice, int64_t prompt, int64_t, int64_t, int64_t) { slice.add_(by_prompt[prompt][0], 0.5); };
  });
  const HookPoint z = kHeadHooks[3];
  const at::Tensor of_heads = ToTorch(Ramp({2, 2, 2, 1}));
  ExpectAsByHand(z, AddVector{Ramp({2, 2, 2, 1}), 0.5}, [&](HookPoint) -> Edit {
    return [&](at::Tensor slice, int64_t prompt, int64_t h, int64_t p, int64_t) {
      slice.add_(of_heads[prompt][p][h], 0.5);
    };
  });
  const at::Tensor of_keys = ToTorch(Ramp({2, 2, 1, 2}));
  ExpectAsByHand(kAttentionHooks[1], AddVector{Ramp({2, 2, 1, 2}), 0.5}, [&](HookPoint) -> Edit {
    return [&](at::Tensor slice, int64_t prompt, int64_t h, int64_t, int64_t k) {
      slice.add_(of_keys[prompt][h][0][k], 0.5);
    };
  });
}

TEST_F(PatchedRunActionTest, ReadsHalfPrecisionTensors) {
  const HookPoint hook = kPosHooks[2];
  const auto of = [&](at::ScalarType type) { return RunWith({On(hook, SetTo{ToHost(ToTorch(Ramp({16})).to(type))})}); };
  const auto wide = of(at::kFloat);
  ExpectSameLogits(of(at::kHalf), wide);  // all of them are exact in 8 bits
  ExpectSameLogits(of(at::kBFloat16), wide);
}

}  // namespace
}  // namespace circuitd
