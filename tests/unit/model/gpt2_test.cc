// The network: hook points, composition of its parts, and that padding does not show.
#include "server/model/gpt2.h"

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>

#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

using testing::RandomWeights;
using testing::TinyConfig;

class Recorder : public Hooks {
 public:
  bool Wants(HookPoint) const override { return true; }
  void Visit(HookPoint point, at::Tensor& value) override {
    order.push_back(HookPointName(point));
    values[order.back()] = value;
    if (change) change(point, value);
  }
  std::vector<std::string> order;
  std::map<std::string, at::Tensor> values;
  std::function<void(HookPoint, at::Tensor&)> change;
};

class Gpt2Test : public ::testing::Test {
 protected:
  Gpt2Test() : network_(TinyConfig(), RandomWeights(TinyConfig(), 1)) {}

  at::Tensor Logits(const at::Tensor& tokens, Hooks* hooks = nullptr) const {
    return network_.Unembed(network_.RunLayers(network_.Embed(tokens, hooks), 0, 3, hooks), hooks);
  }

  c10::InferenceMode guard_;
  const Gpt2 network_;
  const at::Tensor tokens_ = at::tensor({1, 5, 7, 22, 0, 3, 4, 11}, at::kLong).view({2, 4});
};

TEST_F(Gpt2Test, VisitsEveryHookPointInForwardOrder) {
  Recorder recorder;
  Logits(tokens_, &recorder);
  EXPECT_EQ(recorder.order.size(), 2 + 3 * 22 + 2);
  EXPECT_EQ(recorder.order.front(), "hook_embed");
  EXPECT_EQ(recorder.order[2], "blocks.0.hook_resid_pre");
  EXPECT_EQ(recorder.order.back(), "ln_final.hook_normalized");
}

TEST_F(Gpt2Test, GivesHookPointsTheShapesOfTransformerLens) {
  Recorder recorder;
  Logits(tokens_, &recorder);
  const auto shape = [&](const char* name) { return recorder.values.at(name).sizes().vec(); };
  using Shape = std::vector<int64_t>;
  EXPECT_EQ(shape("blocks.1.attn.hook_q"), (Shape{2, 4, 4, 4}));
  EXPECT_EQ(shape("blocks.1.attn.hook_pattern"), (Shape{2, 4, 4, 4}));
  EXPECT_EQ(shape("blocks.1.attn.hook_result"), (Shape{2, 4, 4, 16}));
  EXPECT_EQ(shape("blocks.1.ln1.hook_scale"), (Shape{2, 4, 1}));
  EXPECT_EQ(shape("blocks.1.mlp.hook_pre"), (Shape{2, 4, 64}));
  EXPECT_EQ(shape("hook_pos_embed"), (Shape{2, 4, 16}));
}

TEST_F(Gpt2Test, GivesEveryHookPointTheAxesThatItNames) {
  Recorder recorder;
  const at::Tensor tokens = tokens_.narrow(1, 0, 3);
  Logits(tokens, &recorder);
  for (const std::string& name : recorder.order) {
    const HookKind kind = ParseHookPoint(name, 3)->kind;
    const int64_t width = WidthOf(kind, TinyConfig());
    std::vector<int64_t> shape = {2, 3, width};
    if (AxesOf(kind) == HookAxes::kPosHeads) shape = {2, 3, 4, width};
    if (AxesOf(kind) == HookAxes::kHeadsQueryKey) shape = {2, 4, 3, 3};
    EXPECT_EQ(recorder.values.at(name).sizes().vec(), shape) << name;
  }
}

TEST_F(Gpt2Test, ShowsTheResidualStreamAsTheInputOfHeadsAndMlps) {
  Recorder recorder;
  Logits(tokens_, &recorder);
  const at::Tensor pre = recorder.values.at("blocks.1.hook_resid_pre");
  for (const char* name : {"hook_q_input", "hook_k_input", "hook_v_input"}) {
    const at::Tensor input = recorder.values.at(std::string("blocks.1.") + name);
    for (int head = 0; head < 4; ++head) EXPECT_TRUE(at::equal(input.select(2, head), pre)) << name << head;
  }
  EXPECT_TRUE(at::equal(recorder.values.at("blocks.1.hook_mlp_in"), recorder.values.at("blocks.1.hook_resid_mid")));
}

TEST_F(Gpt2Test, SumsResultsToAttentionOutput) {
  Recorder recorder;
  Logits(tokens_, &recorder);
  const at::Tensor sum = recorder.values.at("blocks.2.attn.hook_result").sum(2) + network_.weights().blocks[2].o_bias;
  EXPECT_TRUE(at::allclose(sum, recorder.values.at("blocks.2.hook_attn_out"), 1e-5, 1e-5));
}

TEST_F(Gpt2Test, MasksTheFutureWithMinusInfinity) {
  Recorder recorder;
  Logits(tokens_, &recorder);
  const at::Tensor scores = recorder.values.at("blocks.0.attn.hook_attn_scores");
  for (int query = 0; query < 4; ++query) {
    for (int key = 0; key < 4; ++key) {
      EXPECT_EQ(std::isinf(scores[1][2][query][key].item<float>()), key > query);
    }
  }
}

TEST_F(Gpt2Test, LetsAReplacedActivationFlowOn) {
  Recorder recorder;
  recorder.change = [](HookPoint point, at::Tensor& value) {
    if (point == HookPoint{HookKind::kResidPost, 2}) value = at::zeros_like(value);
  };
  const at::Tensor logits = Logits(tokens_, &recorder);
  EXPECT_TRUE(at::allclose(logits, network_.Unembed(at::zeros({2, 4, 16}))));
}

TEST_F(Gpt2Test, RunsLayersOneByOneAsTogether) {
  const at::Tensor start = network_.Embed(tokens_);
  const at::Tensor parts = network_.RunLayers(network_.RunLayers(start, 0, 1), 1, 3);
  EXPECT_TRUE(at::equal(parts, network_.RunLayers(start, 0, 3)));
}

TEST_F(Gpt2Test, IgnoresWhatFollowsAPosition) {
  const at::Tensor changed = tokens_.clone();
  changed.select(1, 3).fill_(9);
  EXPECT_TRUE(at::allclose(Logits(tokens_).narrow(1, 0, 3), Logits(changed).narrow(1, 0, 3), 1e-6, 1e-6));
}

TEST_F(Gpt2Test, ScalesAttentionAsConfigured) {
  ModelConfig config = TinyConfig();
  const auto scores = [&](int layer) {
    const Gpt2 network(config, RandomWeights(config, 1));
    Recorder recorder;
    // The same q and k in every configuration, so that only the scale differs.
    recorder.change = [](HookPoint point, at::Tensor& value) {
      if (point.kind == HookKind::kQ || point.kind == HookKind::kK) value = at::ones_like(value);
    };
    network.RunLayers(network.Embed(tokens_), 0, 3, &recorder);
    return recorder.values.at("blocks." + std::to_string(layer) + ".attn.hook_attn_scores")[0][0][1][0].item<float>();
  };
  EXPECT_FLOAT_EQ(scores(2), 4 / std::sqrt(4.0f));
  config.scale_attn_by_inverse_layer_idx = true;
  EXPECT_FLOAT_EQ(scores(2), 4 / std::sqrt(4.0f) / 3);
  config.scale_attn_weights = false;
  config.scale_attn_by_inverse_layer_idx = false;
  EXPECT_FLOAT_EQ(scores(2), 4);
}

TEST_F(Gpt2Test, UsesTheConfiguredActivation) {
  ModelConfig config = TinyConfig();
  config.activation = Activation::kGelu;
  const Gpt2 network(config, RandomWeights(config, 1));
  Recorder recorder;
  network.RunLayers(network.Embed(tokens_), 0, 1, &recorder);
  const at::Tensor pre = recorder.values.at("blocks.0.mlp.hook_pre"),
                   post = recorder.values.at("blocks.0.mlp.hook_post");
  EXPECT_TRUE(at::allclose(post, pre * 0.5 * (1 + at::erf(pre / std::sqrt(2.0))), 1e-5, 1e-6));
}

}  // namespace
}  // namespace circuitd
