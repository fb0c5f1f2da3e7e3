// Gradients at receivers' inputs against central finite differences, in float64.
#include "server/circuit/attribution/edge_gradients.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "server/graph/edge_order.h"
#include "tests/unit/circuit/attribution/naive_attribution.h"
#include "tests/unit/patching/pair_prompts.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;
using testing::MixedPairs;
using testing::WideTinyModel;

// Adds to the input of one receiver.
class NudgeHooks : public Hooks {
 public:
  NudgeHooks(const Node& receiver, at::Tensor nudge) : receiver_(receiver), nudge_(std::move(nudge)) {}

  bool Wants(HookPoint point) const override {
    if (receiver_.kind == Node::Kind::kLogits || point.layer != receiver_.layer) return false;
    if (receiver_.is_mlp()) return point.kind == HookKind::kMlpIn;
    constexpr HookKind kInputs[] = {HookKind::kQInput, HookKind::kKInput, HookKind::kVInput};
    return point.kind == kInputs[static_cast<int>(receiver_.input) - static_cast<int>(Node::Input::kQ)];
  }

  void Visit(HookPoint, at::Tensor& value) override {
    value = value.clone();
    (receiver_.is_mlp() ? value : value.select(2, receiver_.head)).add_(nudge_);
  }

 private:
  const Node receiver_;
  const at::Tensor nudge_;
};

class EdgeGradientsTest : public ::testing::TestWithParam<Metric> {
 protected:
  EdgeGradientsTest() {
    for (const PromptPair& pair : MixedPairs()) {
      prompts_.push_back(pair.clean);
      answers_.push_back({pair.correct, pair.incorrect});
    }
    padded_ = Pad(prompts_, at::kCPU);
    // kl_div has a gradient of 0 where it compares a run with itself.
    reference_ = at::randn({3, 23}, at::detail::createCPUGenerator(3), at::kDouble);
  }

  GradientRun Run() const {
    return {.network = network(),
            .prompts = padded_,
            .answers = answers_,
            .metric = GetParam(),
            .reference = reference_,
            .embedding = network().Embed(padded_.tokens),
            .replaced = std::nullopt};
  }

  // Of all prompts, each run alone and without padding.
  double Loss(const Node& receiver, const at::Tensor& nudge) const {
    double sum = 0;
    for (size_t i = 0; i < prompts_.size(); ++i) {
      const auto length = static_cast<int64_t>(prompts_[i].size());
      const at::Tensor own = nudge.narrow(0, static_cast<int64_t>(i), 1).narrow(1, 0, length);
      NudgeHooks hooks(receiver, own);
      at::Tensor residual = network().Run(at::tensor(prompts_[i], at::kLong).unsqueeze(0), &hooks);
      if (receiver == Node::Logits()) residual = residual + own;
      const PromptPair answers{{}, {}, answers_[i].correct, answers_[i].incorrect, {}};
      sum += testing::NaiveLoss(GetParam(), network().Unembed(residual)[0][-1], reference_[static_cast<int64_t>(i)],
                                answers)
                 .item<double>();
    }
    return sum;
  }

  const Gpt2& network() const { return model_->network(); }

  const std::unique_ptr<Model> model_ = WideTinyModel(4);
  std::vector<std::vector<int>> prompts_;
  std::vector<Answer> answers_;
  PaddedPrompts padded_;
  at::Tensor reference_;
};

TEST_P(EdgeGradientsTest, EqualFiniteDifferencesAtEveryReceiver) {
  const ModelConfig& config = model_->config();
  const auto gradients = RunWithGradients(Run(), nullptr);
  ASSERT_TRUE(gradients.ok()) << gradients.status();
  // A direction for embed, which is below every receiver; at padding too, where nothing may come of it.
  at::Tensor directions = at::zeros({SenderCount(config), 3, 8, config.d_model}, at::kDouble);
  const at::Tensor direction = at::randn({3, 8, config.d_model}, at::detail::createCPUGenerator(8), at::kDouble);
  directions[0] = direction;
  at::Tensor sums = at::zeros({ReceiverCount(config), SenderCount(config)}, at::kDouble);
  AddEdgeEffects(network(), *gradients, directions, sums);

  constexpr double kStep = 1e-5;
  double largest = 0;
  for (int receiver = 0; receiver < ReceiverCount(config); ++receiver) {
    const Node node = ReceiverOfRank(config, receiver);
    const double expected = (Loss(node, direction * kStep) - Loss(node, direction * -kStep)) / (2 * kStep);
    EXPECT_NEAR(sums[receiver][0].item<double>(), expected, 1e-6) << NodeName(node);
    EXPECT_GT(std::abs(expected), 1e-9) << NodeName(node);
    largest = std::max(largest, std::abs(expected));
  }
  EXPECT_GT(largest, 1e-2);
  EXPECT_EQ(sums.narrow(1, 1, SenderCount(config) - 1).abs().max().item<double>(), 0);
}

TEST_P(EdgeGradientsTest, HaveNoneWhereOnlyAReplacedOutputReads) {
  GradientRun run = Run();
  run.replaced = ReplacedOutput{{HookKind::kMlpOut, 1}, at::zeros({3, 8, 16}, at::kDouble)};
  auto gradients = RunWithGradients(run, nullptr);
  ASSERT_TRUE(gradients.ok()) << gradients.status();
  EXPECT_FALSE(gradients->layers[1].mlp_in.defined());
  EXPECT_TRUE(gradients->layers[1].qkv[0].defined());
  EXPECT_TRUE(gradients->layers[2].mlp_in.defined());
  run.replaced = ReplacedOutput{{HookKind::kAttnOut, 2}, at::zeros({3, 8, 16}, at::kDouble)};
  gradients = RunWithGradients(run, nullptr);
  ASSERT_TRUE(gradients.ok()) << gradients.status();
  for (const at::Tensor& part : gradients->layers[2].qkv) EXPECT_FALSE(part.defined());
  for (const at::Tensor& part : gradients->layers[1].qkv) EXPECT_TRUE(part.defined());
}

TEST_P(EdgeGradientsTest, PassACheckpointBeforeEachOfTheTwoPasses) {
  for (const int stop_at : {1, 2}) {
    int calls = 0;
    const auto gradients = RunWithGradients(
        Run(), [&] { return ++calls == stop_at ? absl::CancelledError("stopped") : absl::OkStatus(); });
    EXPECT_EQ(gradients.status(), absl::CancelledError("stopped"));
  }
}

TEST_P(EdgeGradientsTest, RefuseLogitsThatAreNotFinite) {
  GradientRun run = Run();
  run.embedding = run.embedding.clone();
  run.embedding[1].fill_(std::numeric_limits<double>::quiet_NaN());
  run.first_prompt = 7;
  const absl::Status status = RunWithGradients(run, nullptr).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("prompts[8]"));
}

INSTANTIATE_TEST_SUITE_P(Losses, EdgeGradientsTest,
                         ::testing::Values(Metric::kLogitDiff, Metric::kProbDiff, Metric::kKlDiv, Metric::kNll));

}  // namespace
}  // namespace circuitd
