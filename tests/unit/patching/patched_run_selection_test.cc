// Which positions interventions change, and that nothing else decides what they do.
#include <gmock/gmock.h>

#include "server/patching/intervention_noise.h"
#include "tests/unit/patching/patched_run_fixture.h"

namespace circuitd {
namespace {

using testing::Indices;
using testing::On;
using testing::Ramp;
using testing::Roles;
using testing::Tensors;
using testing::Tokens;
using testing::ToTorch;

const HookPoint kResid{HookKind::kResidMid, 1}, kZ{HookKind::kZ, 0}, kPattern{HookKind::kPattern, 2};

class PatchedRunSelectionTest : public testing::PatchedRunFixture {};

TEST_F(PatchedRunSelectionTest, ChoosesByTokensAndRolesInEachPromptForItself) {
  request_.prompts = {{1, 2, 3, 4, 3}, {3, 5, 6, 7}};
  request_.roles = {{{"subject", 1}}, {{"subject", 2}}};
  const Tensors by_token = RunWith({On(kResid, Ablation::kZero, {}, Tokens({3}))});
  const Tensors by_role = RunWith({On(kZ, Ablation::kZero, {1}, Roles({"subject"}))});
  const Tensors by_key = RunWith({On(kPattern, Ablation::kZero, {}, {}, Roles({"subject"}))});
  const std::vector<std::vector<int>> prompts = request_.prompts;
  const std::vector<PositionSelector> tokens = {Indices({2, 4}), Indices({0})}, subjects = {Indices({1}), Indices({2})};
  request_.roles.clear();
  for (size_t i = 0; i < prompts.size(); ++i) {
    request_.prompts = {prompts[i]};
    const auto expect_same = [&](const Tensors& together, std::vector<Intervention> alone) {
      EXPECT_TRUE(at::allclose(ToTorch(together.at("logits/" + std::to_string(i))),
                               ToTorch(RunWith(std::move(alone)).at("logits/0")), 1e-5, 1e-5));
    };
    expect_same(by_token, {On(kResid, Ablation::kZero, {}, tokens[i])});
    expect_same(by_role, {On(kZ, Ablation::kZero, {1}, subjects[i])});
    expect_same(by_key, {On(kPattern, Ablation::kZero, {}, {}, subjects[i])});
  }
}

TEST_F(PatchedRunSelectionTest, TensorsSpanAPromptsChosenPositionsInAscendingOrder) {
  request_.prompts = {{1, 2, 3, 4, 3}, {3, 5, 6, 3}};
  RunWith({On(kResid, AddVector{Ramp({2, 16}), 1}, {}, Tokens({3}))});
  const at::Tensor ramp = ToTorch(Ramp({2, 16}));
  ExpectLastLogits(ByHand(kResid, [&](at::Tensor& value) {
    value[0][2] += ramp[0];
    value[0][4] += ramp[1];
    value[1][0] += ramp[0];
    value[1][3] += ramp[1];
  }));
}

TEST_F(PatchedRunSelectionTest, SeveralOnOneHookPointChangeTheirOwnSlices) {
  request_.prompts = {{1, 2, 3, 4}, {5, 6, 7}};
  RunWith({On(kResid, ScaleBy{2}, {}, Indices({0})), On(kResid, Ablation::kZero, {}, Indices({-1})),
           On(kResid, testing::Action(SetTo{Ramp({16})}), {}, Indices({1}))});
  const at::Tensor ramp = ToTorch(Ramp({16}));
  ExpectLastLogits(ByHand(kResid, [&](at::Tensor& value) {
    value.select(1, 0) *= 2;
    value.select(1, 1).copy_(ramp);
    value[0][3].zero_();
    value[1][2].zero_();
  }));
}

TEST_F(PatchedRunSelectionTest, LaterHookPointsSeeWhatEarlierOnesChanged) {
  // In whatever order they are asked for.
  const Intervention first = On({HookKind::kMlpPost, 0}, ScaleBy{3}), second = On({HookKind::kMlpOut, 0}, ScaleBy{0.5});
  ExpectSameLogits(RunWith({first, second}), RunWith({second, first}));
  const at::Tensor by_hand = ByHand({HookKind::kMlpOut, 0}, [&](at::Tensor& value) {
    const at::Tensor bias = network().weights().blocks[0].out_bias;
    value.copy_(((value - bias) * 3 + bias) * 0.5);
  });
  const Tensors tensors = RunWith({second, first});
  EXPECT_TRUE(at::allclose(ToTorch(tensors.at("logits/0"))[-1], by_hand[0], 1e-4, 1e-4));
}

TEST_F(PatchedRunSelectionTest, DoesNotDependOnMicroBatchesPaddingOrNeighbours) {
  request_.prompts = {{1, 2, 3, 4, 5, 6}, {7, 8}, {9, 10, 11}, {3, 3, 3, 3}};
  request_.source_prompts = {{2, 2, 2, 4, 5, 6}, {1, 1}, {2, 2, 1}, {5, 6, 7, 8}};
  const std::vector<Intervention> interventions = {
      On(kResid, AddNoise{0.5, 7}, {}, Indices({-1, 0})),
      On(kPattern, AddNoise{0.1, 7}, {1, 2}),
      On(kZ, testing::Action(AddVector{Ramp({4, 1, 1, 4}), 0.1})),
      On({HookKind::kLnFinalNormalized}, Ablation::kResample, {}, Indices({-1})),
      On({HookKind::kAttnScores, 1}, Ablation::kMean, {0}),
      On({HookKind::kQ, 2}, Ablation::kMean, {3}),
      On({HookKind::kMlpPre, 2}, testing::Action(SetTo{Ramp({4, 1, 64})}), {}, Indices({1})),
  };
  const Tensors whole = RunWith(interventions);
  ExpectSameLogits(RunWith(interventions, /*budget=*/1), whole, 1e-5);
  // The first two by themselves: per-prompt tensors lose the others' entries.
  request_.prompts.resize(2);
  auto fewer = interventions;
  std::get<AddVector>(fewer[2].action).vector = Ramp({2, 1, 1, 4});
  std::get<SetTo>(fewer[6].action).value = Ramp({2, 1, 64});
  fewer.erase(fewer.begin() + 4, fewer.begin() + 6);  // means are over all source prompts
  fewer.erase(fewer.begin() + 3);                     // sources are one a prompt
  auto without = interventions;
  without.erase(without.begin() + 3, without.begin() + 6);
  const Tensors alone = RunWith(fewer);
  request_.prompts.push_back({9, 10, 11});
  request_.prompts.push_back({3, 3, 3, 3});
  const Tensors together = RunWith(without);
  request_.prompts.resize(2);
  ExpectSameLogits(alone, together, 1e-5);
}

TEST_F(PatchedRunSelectionTest, NoiseFillsAPromptsSliceInItsOrder) {
  request_.prompts = {{1, 2, 3, 4}, {5, 6, 7}};
  RunWith({On(kResid, ScaleBy{1}, {}, Indices({1})), On(kZ, AddNoise{0.5, 9}, {2, 0}, Indices({0, -1}))});
  const int64_t last[] = {3, 2};
  ExpectLastLogits(ByHand(kZ, [&](at::Tensor& value) {
    for (int64_t prompt = 0; prompt < 2; ++prompt) {
      const at::Tensor noise = at::tensor(StandardNoise(9, prompt, 1, 16)).view({2, 2, 4}) * 0.5;
      for (int64_t h = 0; h < 2; ++h) {
        value[prompt][0][h == 0 ? 2 : 0] += noise[0][h];
        value[prompt][last[prompt]][h == 0 ? 2 : 0] += noise[1][h];
      }
    }
  }));
}

TEST_F(PatchedRunSelectionTest, NoiseDependsOnSeedPromptAndIntervention) {
  request_.prompts = {{1, 2, 3}, {1, 2, 3}};
  const auto noisy = [&](uint64_t seed) { return RunWith({On(kResid, AddNoise{1, seed})}); };
  const Tensors once = noisy(1);
  ExpectSameLogits(noisy(1), once);
  const auto logits = [](const Tensors& tensors, const char* name) { return ToTorch(tensors.at(name)); };
  EXPECT_FALSE(at::allclose(logits(once, "logits/0"), logits(noisy(2), "logits/0")));
  EXPECT_FALSE(at::allclose(logits(once, "logits/0"), logits(once, "logits/1")));
  const Tensors second = RunWith({On(kZ, ScaleBy{1}), On(kResid, AddNoise{1, 1})});
  EXPECT_FALSE(at::allclose(logits(once, "logits/0"), logits(second, "logits/0")));
}

}  // namespace
}  // namespace circuitd
