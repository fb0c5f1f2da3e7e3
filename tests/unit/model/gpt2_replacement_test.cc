// What a replaced activation makes of a run: nothing if it is equal, and otherwise what working it out by hand makes.
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

#include "server/model/gpt2.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

using testing::RandomWeights;
using testing::TinyConfig;

using Change = std::function<void(HookPoint, at::Tensor&)>;

// Shows all hook points to `change`, and keeps what they hold afterwards.
class Changer : public Hooks {
 public:
  explicit Changer(Change change) : change_(std::move(change)) {}
  bool Wants(HookPoint) const override { return true; }
  void Visit(HookPoint point, at::Tensor& value) override {
    change_(point, value);
    values_[HookPointName(point)] = value;
  }
  const at::Tensor& at(const std::string& name) const { return values_.at(name); }

 private:
  const Change change_;
  std::map<std::string, at::Tensor> values_;
};

// Replaces the values of one hook point by equal ones, in a layout of their own.
class EqualCopies : public Hooks {
 public:
  explicit EqualCopies(HookPoint point) : point_(point) {}
  bool Wants(HookPoint point) const override { return point == point_; }
  void Visit(HookPoint, at::Tensor& value) override {
    value = value.contiguous().clone();
    ++visits;
  }
  int visits = 0;

 private:
  const HookPoint point_;
};

Gpt2 RandomNetwork(const ModelConfig& config) { return Gpt2(config, RandomWeights(config, 1)); }

class EqualReplacementTest : public ::testing::Test {
 protected:
  static void ExpectNoBitChanges(const Gpt2& network, int64_t batch) {
    const c10::InferenceMode guard;
    const ModelConfig& config = network.config();
    const int64_t pos = config.n_ctx - 1;
    const at::Tensor tokens = at::arange(batch * pos).view({batch, pos}).mul(7).remainder(config.d_vocab);
    const at::Tensor plain = network.Unembed(network.Run(tokens));
    const auto points = MatchHookPoints("*", config.n_layers);
    ASSERT_TRUE(points.ok()) << points.status();
    for (const HookPoint point : *points) {
      EqualCopies hooks(point);
      const at::Tensor logits = network.Unembed(network.Run(tokens, &hooks), &hooks);
      EXPECT_EQ(hooks.visits, 1) << HookPointName(point);
      EXPECT_TRUE(at::equal(logits, plain)) << HookPointName(point) << ", batch " << batch;
    }
    Changer all([](HookPoint, at::Tensor& value) { value = value.clone(); });
    EXPECT_TRUE(at::equal(network.Unembed(network.Run(tokens, &all), &all), plain)) << "all, batch " << batch;
    Changer none([](HookPoint, at::Tensor&) {});
    EXPECT_TRUE(at::equal(network.Unembed(network.Run(tokens, &none), &none), plain)) << "none, batch " << batch;
  }
};

TEST_F(EqualReplacementTest, ChangesNoBit) {
  const Gpt2 network = RandomNetwork(TinyConfig());
  for (const int64_t batch : {1, 2, 5}) ExpectNoBitChanges(network, batch);
}

TEST_F(EqualReplacementTest, ChangesNoBitOfAModelOfOddSizes) {
  ModelConfig config = TinyConfig();
  config.n_layers = 2;
  config.n_heads = 3;
  config.d_head = 33;
  config.d_model = 99;
  config.d_mlp = 201;
  const Gpt2 network = RandomNetwork(config);
  for (const int64_t batch : {1, 3}) ExpectNoBitChanges(network, batch);
}

TEST_F(EqualReplacementTest, ChangesNoBitOfHeadsOfGpt2sSize) {
  ModelConfig config = TinyConfig();
  config.n_layers = 1;
  config.n_heads = 3;
  config.d_head = 64;
  config.d_model = 192;
  config.d_mlp = 768;
  config.n_ctx = 40;
  const Gpt2 network = RandomNetwork(config);
  for (const int64_t batch : {1, 3}) ExpectNoBitChanges(network, batch);
}

TEST_F(EqualReplacementTest, ChangesNoBitInBfloat16) {
  Gpt2Weights w = RandomWeights(TinyConfig(), 1);
  const auto narrow = [](at::Tensor& tensor) { tensor = tensor.to(at::kBFloat16); };
  for (at::Tensor* tensor : {&w.embed, &w.pos_embed, &w.ln_final_weight, &w.ln_final_bias, &w.unembed}) narrow(*tensor);
  for (BlockWeights& b : w.blocks) {
    for (at::Tensor* tensor : {&b.ln1_weight, &b.ln1_bias, &b.attn_weight, &b.attn_bias, &b.o_weight, &b.o_bias,
                               &b.ln2_weight, &b.ln2_bias, &b.in_weight, &b.in_bias, &b.out_weight, &b.out_bias}) {
      narrow(*tensor);
    }
  }
  ExpectNoBitChanges(Gpt2(TinyConfig(), w), 2);
}

class ReplacementTest : public ::testing::Test {
 protected:
  ReplacementTest() : network_(RandomNetwork(TinyConfig())) {}

  at::Tensor Logits(Hooks* hooks) const { return network_.Unembed(network_.Run(tokens_, hooks), hooks); }

  // A run in which the value of `point` becomes what `change` makes of it.
  Changer RunWith(HookPoint point, const std::function<at::Tensor(const at::Tensor&)>& change) const {
    Changer changer([&](HookPoint visited, at::Tensor& value) {
      if (visited == point) value = change(value);
    });
    Logits(&changer);
    return changer;
  }
  Changer CleanRun() const {
    Changer unchanged([](HookPoint, at::Tensor&) {});
    Logits(&unchanged);
    return unchanged;
  }

  const BlockWeights& weights(int layer) const { return network_.weights().blocks[layer]; }
  at::Tensor Ln1(int layer, const at::Tensor& x) const {
    return at::layer_norm(x, {16}, weights(layer).ln1_weight, weights(layer).ln1_bias, 1e-5);
  }

  static void ExpectClose(const at::Tensor& actual, const at::Tensor& expected) {
    ASSERT_EQ(actual.sizes(), expected.sizes());
    EXPECT_TRUE(at::allclose(actual, expected, 1e-5, 1e-5)) << (actual - expected).abs().max();
  }

  c10::InferenceMode guard_;
  const Gpt2 network_;
  const at::Tensor tokens_ = at::tensor({1, 5, 7, 22, 0, 3, 4, 11}, at::kLong).view({2, 4});
  const at::Tensor other_residual_ = at::randn({2, 4, 16}, at::detail::createCPUGenerator(3));
};

TEST_F(ReplacementTest, WithoutAHeadsResultItsRowsOfWOAreAsIfZero) {
  const Changer without = RunWith({HookKind::kResult, 1}, [](const at::Tensor& value) {
    at::Tensor changed = value.clone();
    changed.select(2, 3).zero_();
    return changed;
  });
  Gpt2Weights weights = RandomWeights(TinyConfig(), 1);
  weights.blocks[1].o_weight.narrow(0, 3 * 4, 4).zero_();
  const Gpt2 zeroed(TinyConfig(), weights);
  Changer expected([](HookPoint, at::Tensor&) {});
  zeroed.Unembed(zeroed.Run(tokens_, &expected), &expected);
  ExpectClose(without.at("blocks.1.hook_attn_out"), expected.at("blocks.1.hook_attn_out"));
  ExpectClose(without.at("ln_final.hook_normalized"), expected.at("ln_final.hook_normalized"));
}

TEST_F(ReplacementTest, AReplacedScaleDividesInsteadOfItsOwn) {
  const Changer clean = CleanRun();
  const auto centred = [](const at::Tensor& x) { return x - x.mean(-1, true); };
  const auto doubled = [](const at::Tensor& scale) { return scale * 2; };
  const BlockWeights& w = weights(1);
  ExpectClose(RunWith({HookKind::kLn1Scale, 1}, doubled).at("blocks.1.ln1.hook_normalized"),
              centred(clean.at("blocks.1.hook_resid_pre")) / (clean.at("blocks.1.ln1.hook_scale") * 2) * w.ln1_weight +
                  w.ln1_bias);
  ExpectClose(RunWith({HookKind::kLn2Scale, 1}, doubled).at("blocks.1.ln2.hook_normalized"),
              centred(clean.at("blocks.1.hook_resid_mid")) / (clean.at("blocks.1.ln2.hook_scale") * 2) * w.ln2_weight +
                  w.ln2_bias);
  ExpectClose(RunWith({HookKind::kLnFinalScale}, doubled).at("ln_final.hook_normalized"),
              centred(clean.at("blocks.2.hook_resid_post")) / (clean.at("ln_final.hook_scale") * 2) *
                      network_.weights().ln_final_weight +
                  network_.weights().ln_final_bias);
}

TEST_F(ReplacementTest, AScaleThatIsReplacedAtOnePositionChangesNoBitAtOthers) {
  const Changer clean = CleanRun();
  const Changer changed = RunWith({HookKind::kLn1Scale, 0}, [](const at::Tensor& scale) {
    at::Tensor value = scale.clone();
    value.select(1, 2).mul_(3);
    return value;
  });
  const std::string name = "blocks.0.ln1.hook_normalized";
  for (int pos = 0; pos < 4; ++pos) {
    EXPECT_EQ(at::equal(changed.at(name).select(1, pos), clean.at(name).select(1, pos)), pos != 2);
  }
}

struct InputCase {
  HookKind input;
  const char* output;
  int part;  // of attn_weight
};

class InputReplacementTest : public ReplacementTest, public ::testing::WithParamInterface<InputCase> {};

TEST_P(InputReplacementTest, ReachesOneHeadAndNothingElse) {
  const InputCase& c = GetParam();
  const Changer clean = CleanRun();
  const Changer changed = RunWith({c.input, 1}, [&](const at::Tensor& input) {
    at::Tensor value = input.clone();
    value.select(2, 2).copy_(other_residual_);
    return value;
  });
  for (const char* name : {"attn.hook_q", "attn.hook_k", "attn.hook_v"}) {
    for (int head = 0; head < 4; ++head) {
      const bool reached = std::string(name) == c.output && head == 2;
      EXPECT_EQ(at::equal(changed.at(std::string("blocks.1.") + name).select(2, head),
                          clean.at(std::string("blocks.1.") + name).select(2, head)),
                !reached)
          << name << " of head " << head;
    }
  }
  for (const char* name : {"blocks.1.hook_resid_pre", "blocks.1.ln1.hook_scale", "blocks.1.ln1.hook_normalized"}) {
    EXPECT_TRUE(at::equal(changed.at(name), clean.at(name))) << name;
  }
}

TEST_P(InputReplacementTest, IsNormalizedAndProjectedAsTheResidualStreamIs) {
  const InputCase& c = GetParam();
  const Changer changed =
      RunWith({c.input, 1}, [&](const at::Tensor& input) { return other_residual_.unsqueeze(2).expand_as(input); });
  const at::Tensor projected = at::matmul(Ln1(1, other_residual_), weights(1).attn_weight) + weights(1).attn_bias;
  ExpectClose(changed.at(std::string("blocks.1.") + c.output).flatten(2), projected.narrow(-1, c.part * 16, 16));
}

INSTANTIATE_TEST_SUITE_P(Inputs, InputReplacementTest,
                         ::testing::Values(InputCase{HookKind::kQInput, "attn.hook_q", 0},
                                           InputCase{HookKind::kKInput, "attn.hook_k", 1},
                                           InputCase{HookKind::kVInput, "attn.hook_v", 2}),
                         [](const auto& info) { return std::string(info.param.output).substr(10); });

TEST_F(ReplacementTest, InputsOfAllHeadsActAsAnotherResidualStreamDoes) {
  Changer inputs([&](HookPoint point, at::Tensor& value) {
    const bool is_input =
        point.kind == HookKind::kQInput || point.kind == HookKind::kKInput || point.kind == HookKind::kVInput;
    if (is_input && point.layer == 2) value = other_residual_.unsqueeze(2).expand_as(value);
  });
  Logits(&inputs);
  const Changer residual = RunWith({HookKind::kResidPre, 2}, [&](const at::Tensor&) { return other_residual_; });
  ExpectClose(inputs.at("blocks.2.hook_attn_out"), residual.at("blocks.2.hook_attn_out"));
}

TEST_F(ReplacementTest, TheMlpReadsItsInputAndTheResidualStreamDoesNot) {
  const Changer clean = CleanRun();
  const Changer changed = RunWith({HookKind::kMlpIn, 1}, [&](const at::Tensor&) { return other_residual_; });
  const BlockWeights& w = weights(1);
  const at::Tensor normalized = at::layer_norm(other_residual_, {16}, w.ln2_weight, w.ln2_bias, 1e-5);
  ExpectClose(changed.at("blocks.1.mlp.hook_pre"), at::matmul(normalized, w.in_weight) + w.in_bias);
  EXPECT_TRUE(at::equal(changed.at("blocks.1.hook_resid_mid"), clean.at("blocks.1.hook_resid_mid")));
  ExpectClose(changed.at("blocks.1.hook_resid_post"),
              clean.at("blocks.1.hook_resid_mid") + changed.at("blocks.1.hook_mlp_out"));
}

TEST_F(ReplacementTest, AttentionGoesWhereItsPatternSays) {
  const Changer changed = RunWith({HookKind::kPattern, 1}, [](const at::Tensor& pattern) {
    at::Tensor first_key = at::zeros_like(pattern);
    first_key.select(-1, 0).fill_(1);
    return first_key;
  });
  const at::Tensor v = changed.at("blocks.1.attn.hook_v");
  ExpectClose(changed.at("blocks.1.attn.hook_z"), v.narrow(1, 0, 1).expand_as(v));
}

}  // namespace
}  // namespace circuitd
