// Forward passes over prompts of different lengths, in micro-batches.
#include "server/model/forward.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "server/model/forward_flops.h"
#include "server/model/gpt2.h"
#include "server/model/micro_batch.h"
#include "server/model/torch_border.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;
using testing::TinyConfig;
using testing::TinyModel;

const std::vector<std::vector<int>> kPrompts = {{1, 2, 3}, {4}, {5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, {17, 18}};

TEST(SplitIntoMicroBatchesTest, StaysWithinTheBudgetAndCoversAllPrompts) {
  const ModelConfig config = TinyConfig();
  MicroBatchLimits limits = LimitsFor(at::kCPU, at::kFloat, 0);
  limits.budget_bytes = ActivationBytes(config, 2, 12, limits);
  const auto batches = SplitIntoMicroBatches(config, kPrompts, limits);
  size_t next = 0;
  for (const MicroBatch& batch : batches) {
    EXPECT_EQ(batch.begin, next);
    EXPECT_GT(batch.end, batch.begin);
    size_t longest = 0;
    for (size_t i = batch.begin; i < batch.end; ++i) longest = std::max(longest, kPrompts[i].size());
    EXPECT_LE(ActivationBytes(config, batch.end - batch.begin, longest, limits), limits.budget_bytes);
    next = batch.end;
  }
  EXPECT_EQ(next, kPrompts.size());
}

TEST(SplitIntoMicroBatchesTest, GivesAPromptOverTheBudgetItsOwnBatch) {
  EXPECT_EQ(SplitIntoMicroBatches(TinyConfig(), kPrompts, LimitsFor(at::kCPU, at::kFloat, 1)).size(), kPrompts.size());
}

TEST(SplitIntoMicroBatchesTest, BoundsWhatOneForwardPassComputes) {
  const ModelConfig config = TinyConfig();
  MicroBatchLimits limits = LimitsFor(at::kCPU, at::kFloat, int64_t{1} << 40);
  EXPECT_EQ(SplitIntoMicroBatches(config, kPrompts, limits).size(), 1);
  limits.max_flops = ForwardFlops(config, 2, 3);
  EXPECT_EQ(SplitIntoMicroBatches(config, kPrompts, limits).front().end, 2);
}

TEST(ForEachMicroBatchTest, TriesHalvesWhenMemoryRunsOut) {
  std::vector<std::pair<size_t, size_t>> done;
  const absl::Status status = ForEachMicroBatch({{0, 5}}, nullptr, [&](MicroBatch batch) -> absl::Status {
    if (batch.end - batch.begin > 2) return absl::ResourceExhaustedError("out of memory");
    done.push_back({batch.begin, batch.end});
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok());
  EXPECT_THAT(done, ::testing::ElementsAre(std::pair(0, 2), std::pair(2, 3), std::pair(3, 5)));
}

TEST(ForEachMicroBatchTest, DeliversEachPieceOnceAndPassesOnItsError) {
  std::vector<size_t> delivered;
  const absl::Status status = ForEachMicroBatch(
      {{0, 4}, {4, 5}}, nullptr,
      [](MicroBatch batch) {
        return batch.end - batch.begin > 2 ? absl::ResourceExhaustedError("out of memory") : absl::OkStatus();
      },
      [&](MicroBatch batch) {
        delivered.push_back(batch.begin);
        return batch.begin == 2 ? absl::ResourceExhaustedError("the reply is full") : absl::OkStatus();
      });
  EXPECT_EQ(status.message(), "the reply is full");
  EXPECT_THAT(delivered, ::testing::ElementsAre(0, 2));
}

TEST(ForEachMicroBatchTest, GivesUpWhenOnePromptDoesNotFit) {
  const absl::Status status =
      ForEachMicroBatch({{0, 4}}, nullptr, [](MicroBatch) { return absl::ResourceExhaustedError("out of memory"); });
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
}

TEST(ForEachMicroBatchTest, StopsAtTheCheckpoint) {
  int runs = 0;
  const absl::Status status = ForEachMicroBatch(
      {{0, 1}, {1, 2}}, [&] { return runs == 1 ? absl::CancelledError("cancelled") : absl::OkStatus(); },
      [&](MicroBatch) {
        ++runs;
        return absl::OkStatus();
      });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(runs, 1);
}

TEST(InTorchTest, TurnsExceptionsIntoStatuses) {
  const absl::Status torch = InTorch([] {
    at::zeros({2, 3}).view({7});
    return absl::OkStatus();
  });
  EXPECT_EQ(torch.code(), absl::StatusCode::kInternal);
  const absl::Status allocation = InTorch([] {
    at::empty({int64_t{1} << 50});
    return absl::OkStatus();
  });
  EXPECT_EQ(allocation.code(), absl::StatusCode::kResourceExhausted) << allocation;
  const absl::Status bad_alloc = InTorch([]() -> absl::Status { throw std::bad_alloc(); });
  EXPECT_EQ(bad_alloc.code(), absl::StatusCode::kResourceExhausted);
}

class RunForwardTest : public ::testing::Test {
 protected:
  ForwardResult Run(const ForwardRequest& request, int64_t budget = 1 << 30) {
    tensors_.clear();
    order_.clear();
    ForwardOptions options;
    options.memory_budget_bytes = budget;
    auto result = RunForward(*model_, request, options, [this](std::string name, HostTensor tensor) {
      order_.push_back(name);
      tensors_[name] = std::move(tensor);
      return absl::OkStatus();
    });
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(ForwardResult());
  }

  std::vector<PromptLogits> Run(const std::vector<std::vector<int>>& prompts, const LogitsSelection& selection,
                                int64_t budget = 1 << 30) {
    return Run(Request(prompts, selection), budget).prompts;
  }

  static ForwardRequest Request(const std::vector<std::vector<int>>& prompts, const LogitsSelection& selection) {
    ForwardRequest request;
    request.prompts = prompts;
    request.logits = selection;
    return request;
  }

  std::unique_ptr<Model> model_ = TinyModel();
  std::map<std::string, HostTensor> tensors_;
  std::vector<std::string> order_;
};

TEST_F(RunForwardTest, AnswersAPromptTheSameAloneAsAmongOthers) {
  LogitsSelection selection;
  selection.top_k = 23;
  for (const int64_t budget : {int64_t{1}, int64_t{100'000}, int64_t{1} << 30}) {
    const auto together = Run(kPrompts, selection, budget);
    ASSERT_EQ(together.size(), kPrompts.size());
    for (size_t i = 0; i < kPrompts.size(); ++i) {
      const auto alone = Run({kPrompts[i]}, selection);
      for (int k = 0; k < 23; ++k) {
        EXPECT_EQ(together[i].top[k].token, alone[0].top[k].token);
        EXPECT_NEAR(together[i].top[k].logit, alone[0].top[k].logit, 1e-5);
      }
    }
  }
}

TEST_F(RunForwardTest, OrdersTopTokensAndNormalizesTheirProbabilities) {
  LogitsSelection selection;
  selection.top_k = 1000;
  const auto answers = Run({kPrompts[0]}, selection);
  ASSERT_EQ(answers[0].top.size(), 23);
  double sum = 0;
  for (size_t k = 0; k < 23; ++k) {
    sum += std::exp(answers[0].top[k].log_prob);
    if (k > 0) {
      EXPECT_GE(answers[0].top[k - 1].logit, answers[0].top[k].logit);
    }
  }
  EXPECT_NEAR(sum, 1, 1e-5);
}

TEST_F(RunForwardTest, ReadsChosenTokensInTheirOrder) {
  LogitsSelection selection;
  selection.top_k = 23;
  selection.chosen_tokens = {22, 0, 22};
  const auto answer = Run({kPrompts[2]}, selection)[0];
  ASSERT_EQ(answer.chosen.size(), 3);
  EXPECT_EQ(answer.chosen[0].token, 22);
  EXPECT_EQ(answer.chosen[1].token, 0);
  for (const TokenLogit& top : answer.top) {
    if (top.token == 22) {
      EXPECT_EQ(top.logit, answer.chosen[2].logit);
    }
  }
}

TEST_F(RunForwardTest, RefusesAChosenTokenOutsideTheVocabulary) {
  for (const int token : {23, -1, 1'048'575}) {
    LogitsSelection selection;
    selection.chosen_tokens = {0, token};
    const auto result = RunForward(*model_, Request(kPrompts, selection), {}, nullptr);
    EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(result.status().message()), HasSubstr("logits.chosen_tokens[1]: "));
  }
}

TEST_F(RunForwardTest, StreamsFullLogitsWithoutPadding) {
  LogitsSelection selection;
  selection.full_logits = LogitsPositions::kAll;
  selection.chosen_tokens = {7};
  const auto answers = Run(kPrompts, selection);
  ASSERT_EQ(tensors_.size(), kPrompts.size());
  int64_t bytes = 0;
  for (size_t i = 0; i < kPrompts.size(); ++i) {
    const HostTensor& tensor = tensors_.at("logits/" + std::to_string(i));
    const int64_t length = kPrompts[i].size();
    EXPECT_EQ(tensor.shape, (std::vector<int64_t>{length, 23}));
    const auto* logits = reinterpret_cast<const float*>(tensor.data.data());
    EXPECT_NEAR(logits[(length - 1) * 23 + 7], answers[i].chosen[0].logit, 1e-5);
    bytes += tensor.data.size();
  }
  EXPECT_EQ(bytes, FullLogitsBytes(model_->config(), kPrompts, LogitsPositions::kAll));
}

TEST_F(RunForwardTest, StreamsLastLogitsOnly) {
  LogitsSelection selection;
  selection.full_logits = LogitsPositions::kLast;
  Run(kPrompts, selection, 1);
  EXPECT_EQ(tensors_.at("logits/2").shape, (std::vector<int64_t>{1, 23}));
}

TEST_F(RunForwardTest, PassesOnTheErrorOfItsSink) {
  LogitsSelection selection;
  selection.full_logits = LogitsPositions::kLast;
  int tensors = 0;
  const auto result = RunForward(*model_, Request(kPrompts, selection), {}, [&](std::string, HostTensor) {
    ++tensors;
    return absl::ResourceExhaustedError("the reply is full");
  });
  EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(result.status().message(), "the reply is full");
  EXPECT_EQ(tensors, 1);
}

TEST_F(RunForwardTest, ComputesTheMetricOfEachPrompt) {
  ForwardRequest request;
  request.prompts = kPrompts;
  request.logits.chosen_tokens = {3, 4};
  request.metric = Metric::kLogitDiff;
  request.answers.assign(kPrompts.size(), {{3}, {4}});
  for (const int64_t budget : {int64_t{1}, int64_t{1} << 30}) {
    const ForwardResult result = Run(request, budget);
    ASSERT_EQ(result.metric.size(), kPrompts.size());
    for (size_t i = 0; i < kPrompts.size(); ++i) {
      EXPECT_NEAR(result.metric[i], result.prompts[i].chosen[0].logit - result.prompts[i].chosen[1].logit, 1e-5);
    }
  }
}

TEST_F(RunForwardTest, HasNoMetricUnlessItIsAskedForOne) { EXPECT_TRUE(Run(Request(kPrompts, {})).metric.empty()); }

TEST(RunForwardWithInfiniteWeightsTest, FailsNamingThePrompt) {
  const ModelConfig config = TinyConfig();
  Gpt2Weights weights = testing::RandomWeights(config, 1);
  weights.embed[9].fill_(std::numeric_limits<float>::infinity());
  const Model model("broken", config, nullptr, std::make_unique<Gpt2>(config, weights), nullptr, "cpu",
                    DType::kFloat32);
  ForwardRequest request;
  request.prompts = {{1, 2}, {3, 9}};
  const auto result = RunForward(model, request, {}, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("not finite"));
}

}  // namespace
}  // namespace circuitd
