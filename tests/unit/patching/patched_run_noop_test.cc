// Interventions that change nothing give the clean logits bit for bit, on every hook point.
#include <gmock/gmock.h>

#include "server/model/logit_readout.h"
#include "tests/unit/patching/patched_run_fixture.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

class PatchedRunNoopTest : public testing::PatchedRunFixture {
 protected:
  PatchedRunNoopTest() { clean_ = Clean(request_.prompts); }

  std::vector<HookPoint> AllHooks() { return *MatchHookPoints("*", model_->config().n_layers); }

  // Of each hook point alone.
  void ExpectNoEffectAnywhere(const std::function<testing::Action(HookPoint)>& action) {
    for (const HookPoint hook : AllHooks()) {
      SCOPED_TRACE(HookPointName(hook));
      ExpectSameLogits(RunWith({testing::On(hook, action(hook))}), clean_);
    }
  }

  testing::Tensors clean_;
};

TEST_F(PatchedRunNoopTest, KnowsAllHookPoints) { EXPECT_EQ(AllHooks().size(), 2U + 3 * 22 + 2); }

TEST_F(PatchedRunNoopTest, WithoutInterventions) { ExpectSameLogits(RunWith({}), clean_); }

TEST_F(PatchedRunNoopTest, AddingZero) {
  ExpectNoEffectAnywhere([](HookPoint) { return AddVector{testing::Floats({}, {0}), 3}; });
  ExpectNoEffectAnywhere([](HookPoint) { return AddVector{testing::Floats({1}, {7}), 0}; });
}

TEST_F(PatchedRunNoopTest, ScalingByOne) {
  ExpectNoEffectAnywhere([](HookPoint) { return ScaleBy{1}; });
}

TEST_F(PatchedRunNoopTest, NoiseWithoutDeviation) {
  ExpectNoEffectAnywhere([](HookPoint) { return AddNoise{0, 42}; });
}

TEST_F(PatchedRunNoopTest, ResamplingFromItself) {
  request_.source_prompts = request_.prompts;
  ExpectNoEffectAnywhere([](HookPoint) { return Ablation::kResample; });
}

TEST_F(PatchedRunNoopTest, MeanOverItselfAlone) {
  request_.prompts = request_.source_prompts = {{1, 2, 3, 4, 5}};
  clean_ = Clean(request_.prompts);
  ExpectNoEffectAnywhere([](HookPoint) { return Ablation::kMean; });
}

TEST_F(PatchedRunNoopTest, SettingToTheCapturedValue) {
  request_.prompts = {{1, 2, 3, 4, 5}};
  clean_ = Clean(request_.prompts);
  ExpectNoEffectAnywhere([&](HookPoint hook) {
    CaptureSelection capture;
    capture.hooks = {hook};
    return SetTo{Clean(request_.prompts, capture).at(HookPointName(hook) + "/0")};
  });
}

TEST_F(PatchedRunNoopTest, AllHookPointsAtOnce) {
  request_.source_prompts = request_.prompts;
  std::vector<Intervention> all;
  for (const HookPoint hook : AllHooks()) all.push_back(testing::On(hook, Ablation::kResample));
  ExpectSameLogits(RunWith(all), clean_);
}

TEST_F(PatchedRunNoopTest, InHalfPrecision) {
  Gpt2Weights w = testing::RandomWeights(model_->config(), 5);
  std::vector<at::Tensor*> all = {&w.embed, &w.pos_embed, &w.ln_final_weight, &w.ln_final_bias, &w.unembed};
  for (BlockWeights& b : w.blocks) {
    for (at::Tensor* tensor : {&b.ln1_weight, &b.ln1_bias, &b.attn_weight, &b.attn_bias, &b.o_weight, &b.o_bias,
                               &b.ln2_weight, &b.ln2_bias, &b.in_weight, &b.in_bias, &b.out_weight, &b.out_bias}) {
      all.push_back(tensor);
    }
  }
  for (at::Tensor* tensor : all) *tensor = tensor->to(at::kBFloat16);
  model_ = std::make_unique<Model>("half", model_->config(), nullptr, std::make_unique<Gpt2>(model_->config(), w),
                                   nullptr, "cpu", DType::kBFloat16);
  request_.prompts = request_.source_prompts = {{1, 2, 3, 4, 5}};
  clean_ = Clean(request_.prompts);
  for (const testing::Action& action : std::vector<testing::Action>{
           Ablation::kMean, Ablation::kResample, ScaleBy{1}, AddNoise{0, 1}, AddVector{testing::Floats({}, {0}), 2}}) {
    ExpectNoEffectAnywhere([&](HookPoint) { return action; });
  }
}

TEST_F(PatchedRunNoopTest, SlicesThatCarryNothing) {
  // All keys are after the queries.
  for (const HookKind kind : {HookKind::kAttnScores, HookKind::kPattern}) {
    ExpectSameLogits(RunWith({testing::On({kind, 0}, SetTo{testing::Floats({}, {9})}, {}, testing::Indices({0}),
                                          testing::Indices({1}))}),
                     clean_);
  }
}

}  // namespace
}  // namespace circuitd
