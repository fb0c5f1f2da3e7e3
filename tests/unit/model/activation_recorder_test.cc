// Captured activations: the ones of each prompt's own run, whatever they were run with.
#include "server/model/activation_recorder.h"

#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "server/model/batch_run.h"
#include "server/model/forward.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using testing::RandomWeights;
using testing::TinyConfig;
using testing::TinyModel;

const std::vector<std::vector<int>> kPrompts = {{1, 2, 3}, {4}, {5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, {17, 18}};

at::Tensor FromHost(const HostTensor& tensor, at::ScalarType dtype = at::kFloat) {
  return at::from_blob(const_cast<char*>(tensor.data.data()), tensor.shape, dtype).clone();
}

// Keeps what a run shows.
class Witness : public Hooks {
 public:
  bool Wants(HookPoint) const override { return true; }
  void Visit(HookPoint point, at::Tensor& value) override { values[HookPointName(point)] = value; }
  std::map<std::string, at::Tensor> values;
};

class CaptureTest : public ::testing::Test {
 protected:
  static CaptureSelection Select(const std::vector<std::string>& patterns) {
    CaptureSelection selection;
    for (const std::string& pattern : patterns) {
      const auto points = MatchHookPoints(pattern, 3);
      EXPECT_TRUE(points.ok()) << points.status();
      selection.hooks.insert(selection.hooks.end(), points->begin(), points->end());
    }
    return selection;
  }

  std::map<std::string, HostTensor> Capture(const std::vector<std::vector<int>>& prompts,
                                            const CaptureSelection& selection, int64_t budget = 1 << 30,
                                            const std::vector<PromptRoles>& roles = {},
                                            LogitsPositions full_logits = LogitsPositions::kNone) {
    ForwardRequest request;
    request.prompts = prompts;
    request.roles = roles;
    request.capture = selection;
    request.logits.full_logits = full_logits;
    EXPECT_TRUE(ValidateForward(TinyConfig(), request).ok()) << ValidateForward(TinyConfig(), request);
    std::map<std::string, HostTensor> tensors;
    order_.clear();
    const auto result = RunForward(*model_, request, {budget, nullptr}, [&](std::string name, HostTensor tensor) {
      EXPECT_TRUE(tensors.emplace(name, std::move(tensor)).second) << name << " came twice";
      order_.push_back(name);
      return absl::OkStatus();
    });
    EXPECT_TRUE(result.ok()) << result.status();
    return tensors;
  }

  const std::unique_ptr<Model> model_ = TinyModel();
  std::vector<std::string> order_;
};

TEST_F(CaptureTest, IsWhatThePromptsOwnRunShows) {
  const c10::InferenceMode guard;
  const CaptureSelection all = Select({"*"});
  for (const int64_t budget : {int64_t{1}, int64_t{200'000}, int64_t{1} << 30}) {
    const auto tensors = Capture(kPrompts, all, budget);
    EXPECT_EQ(tensors.size(), all.hooks.size() * kPrompts.size());
    int64_t bytes = 0;
    for (size_t i = 0; i < kPrompts.size(); ++i) {
      Witness witness;
      RunBatch(model_->network(), Pad(absl::MakeConstSpan(kPrompts).subspan(i, 1), at::kCPU), &witness);
      for (const HookPoint hook : all.hooks) {
        const HostTensor& tensor = tensors.at(HookPointName(hook) + "/" + std::to_string(i));
        const at::Tensor own = witness.values.at(HookPointName(hook))[0];
        ASSERT_EQ(FromHost(tensor).sizes(), own.sizes()) << HookPointName(hook);
        EXPECT_TRUE(at::allclose(FromHost(tensor), own, 1e-5, 1e-5)) << HookPointName(hook) << " of prompt " << i;
        bytes += tensor.data.size();
      }
    }
    EXPECT_EQ(bytes, CaptureBytes(TinyConfig(), all, kPrompts, {}, sizeof(float)));
  }
}

TEST_F(CaptureTest, ChangesNoLogit) {
  const auto plain = Capture(kPrompts, {}, 1 << 30, {}, LogitsPositions::kAll);
  const auto captured = Capture(kPrompts, Select({"*"}), 1 << 30, {}, LogitsPositions::kAll);
  for (const auto& [name, logits] : plain) EXPECT_EQ(captured.at(name).data, logits.data) << name;
}

TEST_F(CaptureTest, ComesPromptByPromptInForwardOrderAndBeforeTheLogits) {
  Capture({{1, 2}, {3}}, Select({"hook_embed", "*.1.attn.hook_z", "ln_final.hook_scale"}), 1, {},
          LogitsPositions::kLast);
  EXPECT_THAT(order_, ElementsAre("hook_embed/0", "blocks.1.attn.hook_z/0", "ln_final.hook_scale/0", "logits/0",
                                  "hook_embed/1", "blocks.1.attn.hook_z/1", "ln_final.hook_scale/1", "logits/1"));
}

TEST_F(CaptureTest, TakesTheChosenHeadsAndPositions) {
  const std::vector<std::string> hooks = {"blocks.1.attn.hook_z", "blocks.1.attn.hook_pattern",
                                          "blocks.1.hook_resid_post", "blocks.1.attn.hook_result"};
  const std::vector<std::vector<int>> prompts = {{1, 2, 3}, {4, 2}};
  const auto whole = Capture(prompts, Select(hooks));
  CaptureSelection selection = Select(hooks);
  selection.heads = {3, 1};
  selection.positions.indices = {-1};
  selection.positions.tokens = {2};
  const auto part = Capture(prompts, selection);
  // Prompt 0: positions 1 and 2; prompt 1: position 1.
  for (int i = 0; i < 2; ++i) {
    const auto of = [i](const std::map<std::string, HostTensor>& tensors, const std::string& hook) {
      return FromHost(tensors.at(hook + "/" + std::to_string(i)));
    };
    const at::Tensor positions = i == 0 ? at::tensor({1, 2}, at::kLong) : at::tensor({1}, at::kLong);
    const at::Tensor heads = at::tensor({3, 1}, at::kLong);
    for (const std::string& hook : {hooks[0], hooks[3]}) {
      EXPECT_TRUE(at::equal(of(part, hook), of(whole, hook).index_select(0, positions).index_select(1, heads))) << hook;
    }
    EXPECT_TRUE(at::equal(of(part, hooks[1]), of(whole, hooks[1]).index_select(0, heads).index_select(1, positions)));
    EXPECT_TRUE(at::equal(of(part, hooks[2]), of(whole, hooks[2]).index_select(0, positions)));
  }
}

TEST_F(CaptureTest, TakesPositionsByRole) {
  CaptureSelection selection = Select({"hook_pos_embed"});
  selection.positions.roles = {"member"};
  const auto tensors = Capture({{1, 2, 3}, {4, 2}}, selection, 1 << 30, {{{"member", 2}}, {{"member", 0}}});
  const at::Tensor pos_embed = model_->network().weights().pos_embed;
  EXPECT_TRUE(at::equal(FromHost(tensors.at("hook_pos_embed/0"))[0], pos_embed[2]));
  EXPECT_TRUE(at::equal(FromHost(tensors.at("hook_pos_embed/1"))[0], pos_embed[0]));
}

TEST_F(CaptureTest, IsInTheModelsDtype) {
  Gpt2Weights w = RandomWeights(TinyConfig(), 1);
  w.embed = w.embed.to(at::kBFloat16);
  w.pos_embed = w.pos_embed.to(at::kBFloat16);
  w.ln_final_weight = w.ln_final_weight.to(at::kBFloat16);
  w.ln_final_bias = w.ln_final_bias.to(at::kBFloat16);
  w.unembed = w.embed;
  w.blocks.clear();
  ModelConfig config = TinyConfig();
  config.n_layers = 0;
  const Gpt2 network(config, w);
  CaptureSelection selection;
  selection.hooks = {{HookKind::kEmbed}, {HookKind::kLnFinalScale}};
  const std::vector<std::vector<int>> prompts = {{1, 2}}, positions = {{0, 1}};
  const c10::InferenceMode guard;
  ActivationRecorder recorder(network, selection, prompts, positions);
  RunBatch(network, Pad(prompts, at::kCPU), &recorder);
  const absl::Status status = recorder.SinkPrompt(0, 0, [](const std::string&, const HostTensor& tensor) {
    EXPECT_EQ(tensor.dtype, DType::kBFloat16);
    EXPECT_EQ(static_cast<int64_t>(tensor.data.size()), tensor.shape[0] * tensor.shape[1] * 2);
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
}

// Doubles one hook point's values.
class Doubler : public Hooks {
 public:
  explicit Doubler(HookPoint point) : point_(point) {}
  bool Wants(HookPoint point) const override { return point == point_; }
  void Visit(HookPoint, at::Tensor& value) override { value = value * 2; }

 private:
  const HookPoint point_;
};

TEST_F(CaptureTest, SeesWhatItsInnerHooksLeave) {
  const c10::InferenceMode guard;
  const HookPoint hook{HookKind::kLnFinalNormalized};
  CaptureSelection selection;
  selection.hooks = {hook};
  const std::vector<std::vector<int>> positions = {{0, 1, 2}};
  const auto prompts = absl::MakeConstSpan(kPrompts).subspan(0, 1);
  const PaddedPrompts padded = Pad(prompts, at::kCPU);
  Doubler doubler(hook);
  ActivationRecorder recorder(model_->network(), selection, prompts, positions, &doubler);
  const BatchRun run = RunBatch(model_->network(), padded, &recorder);
  const BatchRun clean = RunBatch(model_->network(), padded);
  EXPECT_TRUE(at::equal(run.normalized, clean.normalized * 2));
  EXPECT_TRUE(at::allclose(run.last_logits, clean.last_logits * 2));
  const absl::Status status = recorder.SinkPrompt(0, 7, [&](const std::string& name, const HostTensor& tensor) {
    EXPECT_EQ(name, "ln_final.hook_normalized/7");
    EXPECT_TRUE(at::equal(FromHost(tensor), run.normalized[0]));
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(CaptureTest, WantsWhatItsInnerHooksWant) {
  Doubler doubler({HookKind::kZ, 1});
  const ActivationRecorder recorder(model_->network(), {}, {}, {}, &doubler);
  EXPECT_TRUE(recorder.Wants({HookKind::kZ, 1}));
  EXPECT_FALSE(recorder.Wants({HookKind::kZ, 2}));
}

}  // namespace
}  // namespace circuitd
