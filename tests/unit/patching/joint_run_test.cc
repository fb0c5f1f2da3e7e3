// Forward passes and patched runs of all kinds, together and alone: a batch changes nobody's numbers.
#include "server/model/joint_run.h"

#include <gmock/gmock.h>

#include <cmath>
#include <random>

#include "tests/unit/patching/patched_run_fixture.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

using testing::Floats;
using testing::Indices;
using testing::Into;
using testing::On;
using testing::Tensors;
using testing::TinyModel;
using testing::ToTorch;

constexpr int kVocabulary = 23, kLayers = 3, kHeads = 4, kMostTokens = 12;

// All hook points of TinyConfig.
std::vector<HookPoint> AllHooks() { return *MatchHookPoints("*", kLayers); }

// Requests of random prompts, captures, interventions and metrics.
class RandomRequests {
 public:
  explicit RandomRequests(uint32_t seed) : random_(seed) {}

  int Below(int end) { return std::uniform_int_distribution<int>(0, end - 1)(random_); }

  ForwardRequest Forward() {
    ForwardRequest request;
    Fill(request);
    if (request.metric == Metric::kKlDiv) request.metric.reset();
    if (!request.metric) request.answers.clear();
    return request;
  }

  PatchedRunRequest Patched() {
    PatchedRunRequest request;
    Fill(request);
    for (const auto& prompt : request.prompts) request.source_prompts.push_back(Prompt(prompt.size()));
    std::vector<HookPoint> hooks = AllHooks();
    std::shuffle(hooks.begin(), hooks.end(), random_);
    hooks.resize(Below(4));
    for (const HookPoint hook : hooks) request.interventions.push_back(Change(hook));
    return request;
  }

 private:
  std::vector<int> Prompt(size_t length) {
    std::vector<int> prompt(length);
    for (int& token : prompt) token = Below(kVocabulary);
    return prompt;
  }

  template <typename Request>
  void Fill(Request& request) {
    const int prompts = 1 + Below(3);
    for (int i = 0; i < prompts; ++i) request.prompts.push_back(Prompt(1 + Below(kMostTokens)));
    request.logits.top_k = kVocabulary;
    request.logits.full_logits = static_cast<LogitsPositions>(Below(3));
    const std::vector<HookPoint> hooks = AllHooks();
    for (const HookPoint hook : hooks) {
      if (Below(8) == 0) request.capture.hooks.push_back(hook);
    }
    if (Below(2) == 0) request.capture.positions = Indices({-1});
    constexpr Metric kMetrics[] = {Metric::kLogitDiff, Metric::kProbDiff, Metric::kKlDiv, Metric::kNll};
    if (Below(2) == 0) request.metric = kMetrics[Below(4)];
    if (request.metric && NeedsAnswers(*request.metric)) request.answers.assign(prompts, {{3, 4}, {5}});
  }

  Intervention Change(HookPoint hook) {
    std::vector<int> heads;
    if (AxesOf(hook.kind) != HookAxes::kPos && Below(2) == 0) heads = {Below(kHeads)};
    const PositionSelector positions = Below(2) == 0 ? Indices({-1}) : PositionSelector();
    const std::vector<testing::Action> actions = {Ablation::kZero,
                                                  Ablation::kMean,
                                                  Ablation::kResample,
                                                  SetTo{Floats({1}, {0.25F})},
                                                  AddVector{Floats({1}, {0.5F}), 0.5},
                                                  ScaleBy{1.25},
                                                  AddNoise{0.1, 7}};
    return On(hook, actions[Below(static_cast<int>(actions.size()))], heads, positions);
  }

  std::mt19937 random_;
};

struct CallersAnswer {
  absl::Status status;
  std::vector<PromptLogits> prompts;
  std::vector<double> metric, unpatched;
  Tensors tensors;
};

CallersAnswer AnswerOf(absl::Status status, const ForwardResult& result, Tensors tensors) {
  return {std::move(status), result.prompts, result.metric, {}, std::move(tensors)};
}

CallersAnswer AnswerOf(absl::Status status, const PatchedRunResult& result, Tensors tensors) {
  const MetricValues metric = result.metric.value_or(MetricValues());
  return {std::move(status), result.prompts, metric.patched, metric.unpatched, std::move(tensors)};
}

void ExpectNear(double a, double b) { EXPECT_NEAR(a, b, 1e-5 * std::max(1.0, std::abs(b))); }

void ExpectNear(const std::vector<double>& a, const std::vector<double>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) ExpectNear(a[i], b[i]);
}

void ExpectSame(const CallersAnswer& together, const CallersAnswer& alone) {
  ASSERT_EQ(together.status, alone.status);
  if (!alone.status.ok()) return;
  ASSERT_EQ(together.prompts.size(), alone.prompts.size());
  for (size_t i = 0; i < alone.prompts.size(); ++i) {
    std::vector<double> logits(kVocabulary), expected(kVocabulary);
    for (const TokenLogit& token : together.prompts[i].top) logits[token.token] = token.logit;
    for (const TokenLogit& token : alone.prompts[i].top) expected[token.token] = token.logit;
    ExpectNear(logits, expected);
  }
  ExpectNear(together.metric, alone.metric);
  ExpectNear(together.unpatched, alone.unpatched);
  ASSERT_EQ(together.tensors.size(), alone.tensors.size());
  for (const auto& [name, tensor] : alone.tensors) {
    ASSERT_TRUE(together.tensors.contains(name)) << name;
    ASSERT_EQ(together.tensors.at(name).shape, tensor.shape) << name;
    // Masked scores are minus infinity in both.
    EXPECT_TRUE(at::allclose(ToTorch(together.tensors.at(name)), ToTorch(tensor), 1e-5, 1e-5)) << name;
  }
}

// A request in a joint run, and what it is answered there.
class Caller {
 public:
  virtual ~Caller() = default;
  virtual JointPart* part() = 0;
  virtual CallersAnswer Together(absl::Status status) = 0;
  virtual CallersAnswer Alone() = 0;
};

class ForwardCaller : public Caller {
 public:
  ForwardCaller(const Model& model, ForwardRequest request)
      : model_(model),
        request_(std::move(request)),
        part_(NewForwardPart(model, request_, nullptr, Into(tensors_), result_)) {
    EXPECT_TRUE(ValidateForward(model.config(), request_).ok());
  }
  JointPart* part() override { return part_.get(); }
  CallersAnswer Together(absl::Status status) override { return AnswerOf(std::move(status), result_, tensors_); }
  CallersAnswer Alone() override {
    Tensors tensors;
    const auto result = RunForward(model_, request_, {}, Into(tensors));
    return AnswerOf(result.status(), result.ok() ? *result : ForwardResult(), tensors);
  }

 private:
  const Model& model_;
  const ForwardRequest request_;
  Tensors tensors_;
  ForwardResult result_;
  const std::unique_ptr<JointPart> part_;
};

class PatchedCaller : public Caller {
 public:
  PatchedCaller(const Model& model, PatchedRunRequest request)
      : model_(model),
        request_(std::move(request)),
        part_(NewPatchedPart(model, request_, nullptr, Into(tensors_), result_)) {
    const absl::Status valid = ValidatePatchedRun(model.config(), request_);
    EXPECT_TRUE(valid.ok()) << valid;
  }
  JointPart* part() override { return part_.get(); }
  CallersAnswer Together(absl::Status status) override { return AnswerOf(std::move(status), result_, tensors_); }
  CallersAnswer Alone() override {
    Tensors tensors;
    const auto result = RunPatched(model_, request_, {}, Into(tensors));
    return AnswerOf(result.status(), result.ok() ? *result : PatchedRunResult(), tensors);
  }

 private:
  const Model& model_;
  const PatchedRunRequest request_;
  Tensors tensors_;
  PatchedRunResult result_;
  const std::unique_ptr<JointPart> part_;
};

TEST(JointRunTest, AnswersEveryRequestAsItIsAnsweredAlone) {
  int answered = 0, failed = 0;
  for (uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const auto model = TinyModel(seed % 5);
    RandomRequests random(seed);
    std::vector<std::unique_ptr<Caller>> callers;
    for (int i = 2 + random.Below(5); i > 0; --i) {
      if (random.Below(3) == 0) {
        callers.push_back(std::make_unique<ForwardCaller>(*model, random.Forward()));
      } else {
        callers.push_back(std::make_unique<PatchedCaller>(*model, random.Patched()));
      }
    }
    std::vector<JointPart*> parts;
    for (const auto& caller : callers) parts.push_back(caller->part());
    ForwardOptions options;
    if (seed % 4 == 3) options.memory_budget_bytes = 60'000;  // several micro-batches
    const std::vector<absl::Status> statuses = RunTogether(*model, parts, options);
    ASSERT_EQ(statuses.size(), callers.size());
    for (size_t i = 0; i < callers.size(); ++i) {
      SCOPED_TRACE(i);
      ExpectSame(callers[i]->Together(statuses[i]), callers[i]->Alone());
      ++(statuses[i].ok() ? answered : failed);
    }
  }
  EXPECT_GT(answered, 150);
  // Some interventions (a scale of zero) leave no finite logits.
  EXPECT_GT(failed, 0);
}

}  // namespace
}  // namespace circuitd
