// Knocking out edges of attention, in hook_pattern and hook_attn_scores.
#include <gmock/gmock.h>

#include <limits>

#include "tests/unit/patching/patched_run_fixture.h"

namespace circuitd {
namespace {

using testing::Floats;
using testing::Indices;
using testing::On;
using testing::Tensors;
using testing::ToTorch;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
const HookPoint kScores{HookKind::kAttnScores, 1}, kPattern{HookKind::kPattern, 1};

class PatchedRunAttentionTest : public testing::PatchedRunFixture {
 protected:
  // The pattern of prompt 0 in the patched run. [n_heads, query, key]
  at::Tensor PatternWith(std::vector<Intervention> interventions) {
    request_.capture.hooks = {kPattern};
    return ToTorch(RunWith(std::move(interventions)).at("blocks.1.attn.hook_pattern/0"));
  }
};

TEST_F(PatchedRunAttentionTest, ZeroOfThePatternLeavesTheOtherWeightsAsTheyAre) {
  at::Tensor expected = PatternWith({}).clone();
  expected[2][1][0] = 0;
  EXPECT_TRUE(at::equal(PatternWith({On(kPattern, Ablation::kZero, {2}, Indices({1}), Indices({0}))}), expected));
}

TEST_F(PatchedRunAttentionTest, MinusInfinityOfTheScoresSharesTheWeightAmongTheOthers) {
  request_.prompts = {{1, 2, 3, 4}};
  const at::Tensor clean = PatternWith({});
  const at::Tensor patched =
      PatternWith({On(kScores, SetTo{Floats({}, {-kInfinity})}, {2}, Indices({3}), Indices({1}))});
  at::Tensor expected = clean.clone();
  expected[2][3][1] = 0;
  expected[2][3] /= 1 - clean[2][3][1];
  EXPECT_TRUE(at::allclose(patched, expected, 1e-5, 1e-6));
  EXPECT_EQ(patched[2][3][1].item<float>(), 0);
}

TEST_F(PatchedRunAttentionTest, NeverUnmasksTheFuture) {
  const at::Tensor future = at::ones({4, 4}, at::kBool).triu(1);
  const auto future_of = [&](HookPoint hook, testing::Action action) {
    request_.capture.hooks = {hook};
    const Tensors tensors = RunWith({On(hook, std::move(action))});
    return ToTorch(tensors.at(HookPointName(hook) + "/0")).index({at::indexing::Slice(), future});
  };
  for (const testing::Action& action :
       std::vector<testing::Action>{SetTo{Floats({}, {5})}, AddVector{Floats({}, {5}), 1}, Ablation::kZero,
                                    Ablation::kMean, Ablation::kResample, AddNoise{3, 1}, ScaleBy{-1}}) {
    EXPECT_TRUE(future_of(kScores, action).eq(-kInfinity).all().item<bool>());
    EXPECT_TRUE(future_of(kPattern, action).eq(0).all().item<bool>());
  }
}

TEST_F(PatchedRunAttentionTest, TakesSetsOfHeadsQueriesAndKeys) {
  request_.prompts = {{1, 2, 3, 4}};
  at::Tensor expected = PatternWith({}).clone();
  for (const int head : {0, 3}) {
    for (const int query : {2, 3}) {
      for (const int key : {0, 2}) expected[head][query][key] = 0;
    }
  }
  EXPECT_TRUE(
      at::equal(PatternWith({On(kPattern, Ablation::kZero, {3, 0}, Indices({2, 3}), Indices({2, 0}))}), expected));
}

TEST_F(PatchedRunAttentionTest, KnocksOutTheOnlyEdgeThatCarriesATokenOn) {
  // With no attention but to oneself in any layer, the last position knows of its own token alone.
  std::vector<Intervention> knocked_out;
  for (int layer = 0; layer < 3; ++layer) {
    knocked_out.push_back(On({HookKind::kPattern, layer}, Ablation::kZero, {}, Indices({-1}), Indices({0, 1, 2})));
  }
  request_.prompts = {{1, 2, 3, 4}};
  const Tensors one = RunWith(knocked_out);
  request_.prompts = {{9, 8, 7, 4}};
  const Tensors other = RunWith(knocked_out);
  const Tensors clean = Clean(request_.prompts);
  const at::Tensor a = ToTorch(one.at("logits/0"))[-1], b = ToTorch(other.at("logits/0"))[-1];
  // Its own weight is what it was, which is the softmax with the keys of the other tokens.
  EXPECT_FALSE(at::allclose(b, ToTorch(clean.at("logits/0"))[-1]));
  for (Intervention& intervention : knocked_out) {
    intervention.hook.kind = HookKind::kAttnScores;
    intervention.action = SetTo{Floats({}, {-kInfinity})};
  }
  const Tensors other_alone = RunWith(knocked_out);
  request_.prompts = {{1, 2, 3, 4}};
  const Tensors one_alone = RunWith(knocked_out);
  EXPECT_TRUE(at::allclose(ToTorch(one_alone.at("logits/0"))[-1], ToTorch(other_alone.at("logits/0"))[-1]));
  EXPECT_FALSE(at::allclose(a, b));
}

}  // namespace
}  // namespace circuitd
