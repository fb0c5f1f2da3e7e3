// Parts of a joint run that fail, each in its own way: the others are answered.
#include "server/model/joint_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <new>

#include "server/model/batch_run.h"
#include "server/model/gpt2.h"
#include "server/model/micro_batch.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;
using testing::TinyConfig;
using testing::TinyModel;

// A forward pass as a part.
class Forward {
 public:
  Forward(const Model& model, std::vector<std::vector<int>> prompts, Checkpoint check = nullptr,
          TensorSink sink = nullptr)
      : model_(model) {
    request_.prompts = std::move(prompts);
    request_.logits.top_k = TinyConfig().d_vocab;
    if (sink) request_.logits.full_logits = LogitsPositions::kLast;
    part_ = NewForwardPart(model, request_, std::move(check), std::move(sink), result_);
  }

  JointPart* part() { return part_.get(); }

  void ExpectAnsweredAsAlone() const {
    const auto alone = RunForward(model_, request_, {}, [](std::string, HostTensor) { return absl::OkStatus(); });
    ASSERT_TRUE(alone.ok()) << alone.status();
    ASSERT_EQ(result_.prompts.size(), alone->prompts.size());
    for (size_t i = 0; i < result_.prompts.size(); ++i) {
      std::map<int, float> logits;
      for (const TokenLogit& token : alone->prompts[i].top) logits[token.token] = token.logit;
      ASSERT_EQ(result_.prompts[i].top.size(), logits.size());
      for (const TokenLogit& token : result_.prompts[i].top) EXPECT_NEAR(token.logit, logits.at(token.token), 1e-5);
    }
  }

 private:
  const Model& model_;
  ForwardRequest request_;
  ForwardResult result_;
  std::unique_ptr<JointPart> part_;
};

// Sees hook_embed, where it does what it is told.
class Saboteur : public JointPart, public Hooks {
 public:
  explicit Saboteur(std::function<void()> act, Checkpoint check = nullptr, bool wants_plain_run = false)
      : act_(std::move(act)), check_(std::move(check)), wants_plain_run_(wants_plain_run) {}

  const std::vector<std::vector<int>>& prompts() const override { return prompts_; }
  absl::Status Check() const override { return check_ ? check_() : absl::OkStatus(); }
  absl::Status Prepare(const ForwardOptions&) override { return absl::OkStatus(); }
  MicroBatchLimits Limits(int64_t budget) const override { return LimitsFor(at::kCPU, at::kFloat, budget); }
  void Begin(MicroBatch) override {}
  Hooks& hooks() override { return *this; }
  bool wants_plain_run() const override { return wants_plain_run_; }
  absl::Status Read(const BatchRun&, const BatchRun*) override {
    ++read_;
    return absl::OkStatus();
  }
  absl::Status Deliver(const BatchRun&) override {
    ++delivered_;
    return absl::OkStatus();
  }

  bool Wants(HookPoint point) const override { return point.kind == HookKind::kEmbed; }
  void Visit(HookPoint, at::Tensor&) override { act_(); }

  int read() const { return read_; }
  int delivered() const { return delivered_; }

 private:
  const std::vector<std::vector<int>> prompts_ = {{3, 4}};
  const std::function<void()> act_;
  const Checkpoint check_;
  const bool wants_plain_run_;
  int read_ = 0, delivered_ = 0;
};

class JointRunTest : public ::testing::Test {
 protected:
  std::vector<absl::Status> Run(const std::vector<JointPart*>& parts, ForwardOptions options = {}) {
    passes_ = 0;
    options.checkpoint = [this, inner = options.checkpoint] {
      ++passes_;
      return inner ? inner() : absl::OkStatus();
    };
    return RunTogether(*model_, parts, options);
  }

  std::unique_ptr<Model> model_ = TinyModel();
  int passes_ = 0;
};

TEST_F(JointRunTest, RunsAllPartsInOneMicroBatch) {
  Forward a(*model_, {{1, 2, 3}, {4}}), b(*model_, {{5, 6, 7, 8, 9, 10, 11, 12}}), c(*model_, {{13}});
  for (const absl::Status& status : Run({a.part(), b.part(), c.part()})) EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(passes_, 1);
  for (const Forward* forward : {&a, &b, &c}) forward->ExpectAnsweredAsAlone();
}

TEST_F(JointRunTest, SplitsWhatIsOverTheBudgetWhereverPartsBegin) {
  Forward a(*model_, {{1, 2, 3}, {4}}), b(*model_, {{5, 6, 7, 8, 9}, {10, 11, 12}, {2}}), c(*model_, {{13}});
  ForwardOptions options;
  options.memory_budget_bytes =
      ActivationBytes(model_->config(), 3, 5, LimitsFor(at::kCPU, at::kFloat, int64_t{1} << 30));
  for (const absl::Status& status : Run({a.part(), b.part(), c.part()}, options)) EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(passes_, 2);
  for (const Forward* forward : {&a, &b, &c}) forward->ExpectAnsweredAsAlone();
}

TEST_F(JointRunTest, PartWhoseCallerHasGoneIsLeftOut) {
  Forward a(*model_, {{1, 2, 3}});
  Forward gone(*model_, {{5}}, [] { return absl::CancelledError("gone"); });
  const auto statuses = Run({gone.part(), a.part()});
  EXPECT_EQ(statuses[0], absl::CancelledError("gone"));
  EXPECT_TRUE(statuses[1].ok());
  a.ExpectAnsweredAsAlone();
}

TEST_F(JointRunTest, StopsBetweenTwoPassesOfAMicroBatchWhenNobodyWaitsAnyMore) {
  bool gone = false;
  const Checkpoint check = [&] { return gone ? absl::DeadlineExceededError("late") : absl::OkStatus(); };
  Saboteur goes([&] { gone = true; }, check, /*wants_plain_run=*/true);
  Forward also_goes(*model_, {{5}, {6, 7}}, check);
  const auto statuses = Run({&goes, also_goes.part()});
  EXPECT_EQ(statuses[0], absl::DeadlineExceededError("late"));
  EXPECT_EQ(statuses[1], absl::DeadlineExceededError("late"));
  gone = false;
  EXPECT_EQ(Run({&goes})[0], absl::DeadlineExceededError("late"));
  EXPECT_EQ(goes.read(), 0);
}

TEST_F(JointRunTest, WhoGoesBetweenTwoPassesHarmsNobody) {
  bool gone = false;
  Saboteur stays([&] { gone = true; }, nullptr, /*wants_plain_run=*/true);
  Forward goes(*model_, {{5}}, [&] { return gone ? absl::CancelledError("gone") : absl::OkStatus(); });
  Forward a(*model_, {{1, 2, 3}, {4}});
  const auto statuses = Run({goes.part(), &stays, a.part()});
  EXPECT_EQ(statuses[0], absl::CancelledError("gone"));
  EXPECT_TRUE(statuses[1].ok()) << statuses[1];
  EXPECT_TRUE(statuses[2].ok()) << statuses[2];
  EXPECT_EQ(stays.delivered(), 1);
  EXPECT_EQ(passes_, 2);
  a.ExpectAnsweredAsAlone();
}

TEST_F(JointRunTest, FailedSinkEndsItsPartOnly) {
  Forward full(*model_, {{5}}, nullptr, [](std::string, HostTensor) { return absl::ResourceExhaustedError("full"); });
  Forward a(*model_, {{1, 2, 3}});
  const auto statuses = Run({full.part(), a.part()});
  EXPECT_EQ(statuses[0], absl::ResourceExhaustedError("full"));
  EXPECT_TRUE(statuses[1].ok());
  a.ExpectAnsweredAsAlone();
}

TEST_F(JointRunTest, PartThatThrowsFailsAlone) {
  Saboteur broken([] { TORCH_CHECK(false, "broken hook"); });
  Forward a(*model_, {{1, 2, 3}}), b(*model_, {{4, 5}, {6}});
  const auto statuses = Run({a.part(), &broken, b.part()});
  EXPECT_THAT(std::string(statuses[1].message()), HasSubstr("broken hook"));
  EXPECT_EQ(broken.delivered(), 0);
  EXPECT_TRUE(statuses[0].ok() && statuses[2].ok());
  a.ExpectAnsweredAsAlone();
  b.ExpectAnsweredAsAlone();
}

TEST_F(JointRunTest, IsHalvedWhenMemoryRunsOut) {
  int visits = 0;
  Saboteur greedy([&visits] {
    if (++visits == 1) throw std::bad_alloc();
  });
  Forward a(*model_, {{1, 2, 3}}), b(*model_, {{4, 5}, {6}});
  for (const absl::Status& status : Run({a.part(), &greedy, b.part()})) EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(passes_, 3);
  EXPECT_EQ(greedy.delivered(), 1);
  a.ExpectAnsweredAsAlone();
  b.ExpectAnsweredAsAlone();
}

TEST_F(JointRunTest, ErrorOfTheCheckpointEndsWhatHasNotEnded) {
  Forward a(*model_, {{1, 2, 3}}), b(*model_, {{4, 5}});
  ForwardOptions options;
  options.memory_budget_bytes = 1;  // each prompt by itself
  options.checkpoint = [this] { return passes_ == 2 ? absl::CancelledError("stopped") : absl::OkStatus(); };
  const auto statuses = Run({a.part(), b.part()}, options);
  EXPECT_TRUE(statuses[0].ok());
  EXPECT_EQ(statuses[1], absl::CancelledError("stopped"));
  a.ExpectAnsweredAsAlone();
}

TEST_F(JointRunTest, PaddingForOthersSpoilsNobody) {
  // Padding is token 0: here its activations are not finite, and attention multiplies them by zero.
  Gpt2Weights weights = testing::RandomWeights(TinyConfig(), 1);
  weights.unembed = weights.embed.clone();
  weights.embed[0].fill_(std::numeric_limits<float>::infinity());
  model_ = std::make_unique<Model>("broken", TinyConfig(), nullptr, std::make_unique<Gpt2>(TinyConfig(), weights),
                                   nullptr, "cpu", DType::kFloat32);
  Forward shorter(*model_, {{1, 2}}), longer(*model_, {{3, 4, 5}}), broken(*model_, {{0, 1}});
  const auto statuses = Run({shorter.part(), longer.part(), broken.part()});
  EXPECT_TRUE(statuses[0].ok()) << statuses[0];
  EXPECT_TRUE(statuses[1].ok()) << statuses[1];
  EXPECT_EQ(statuses[2].code(), absl::StatusCode::kFailedPrecondition);
  shorter.ExpectAnsweredAsAlone();
  longer.ExpectAnsweredAsAlone();
}

}  // namespace
}  // namespace circuitd
