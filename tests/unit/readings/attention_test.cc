// Attention patterns and head scores against a plain run's patterns.
#include "server/readings/attention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "server/readings/attention_keys.h"
#include "server/readings/mean_pattern.h"
#include "tests/unit/readings/plain_run.h"

namespace circuitd {
namespace {

using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::ElementsAre;
using testing::PlainRun;
using ::testing::Pointwise;

at::Tensor Values(const HostTensor& tensor) {
  return at::from_blob(const_cast<char*>(tensor.data.data()), tensor.shape, at::kFloat).clone();
}

class AttentionTest : public ::testing::Test {
 protected:
  AttentionTest() { request_.prompts = {{1, 2, 3, 1, 2, 3, 3}, {4, 5}, {6, 6, 6}, {7}}; }

  AttentionScores Run(int64_t budget = 1 << 30) {
    EXPECT_TRUE(ValidateAttention(model_->config(), request_).ok()) << ValidateAttention(model_->config(), request_);
    ForwardOptions options;
    options.memory_budget_bytes = budget;
    names_.clear();
    auto result = ReadAttention(*model_, request_, options, [this](std::string name, HostTensor tensor) {
      names_.push_back(name);
      tensors_[name] = std::move(tensor);
      return absl::OkStatus();
    });
    EXPECT_TRUE(result.ok()) << result.status();
    return std::move(result).value();
  }

  at::Tensor Plain(size_t prompt, int layer, const std::string& hook) const {
    return PlainRun(*model_, request_.prompts[prompt])
        .activations["blocks." + std::to_string(layer) + ".attn.hook_" + hook];
  }

  // The score of one head as the header defines it; `is_key` says whether a query scores a key.
  template <typename IsKey>
  double PlainScore(int layer, int head, IsKey is_key) const {
    double total = 0;
    int prompts = 0;
    for (size_t i = 0; i < request_.prompts.size(); ++i) {
      const std::vector<int>& prompt = request_.prompts[i];
      const at::Tensor pattern = Plain(i, layer, "pattern")[head];
      double sum = 0;
      int queries = 0;
      for (int query = 0; query < static_cast<int>(prompt.size()); ++query) {
        bool any = false;
        for (int key = 0; key <= query; ++key) {
          if (!is_key(prompt, query, key)) continue;
          any = true;
          sum += pattern[query][key].item<float>();
        }
        queries += any;
      }
      if (queries == 0) continue;
      total += sum / queries;
      ++prompts;
    }
    return prompts == 0 ? std::numeric_limits<double>::quiet_NaN() : total / prompts;
  }

  std::unique_ptr<Model> model_ = testing::TinyModel(11);
  AttentionRequest request_;
  std::vector<std::string> names_;
  std::map<std::string, HostTensor> tensors_;
};

TEST_F(AttentionTest, ScoresHeadsAsDefined) {
  const AttentionScores scores = Run();
  EXPECT_THAT(scores.layers, ElementsAre(0, 1, 2));
  EXPECT_THAT(scores.heads, ElementsAre(0, 1, 2, 3));
  for (int layer = 0; layer < 3; ++layer) {
    for (int head = 0; head < 4; ++head) {
      const size_t i = layer * 4 + head;
      EXPECT_NEAR(scores.previous_token[i],
                  PlainScore(layer, head, [](const auto&, int query, int key) { return key == query - 1; }), 1e-5);
      EXPECT_NEAR(scores.duplicate_token[i],
                  PlainScore(layer, head,
                             [](const auto& prompt, int query, int key) {
                               return key < query && prompt[key] == prompt[query];
                             }),
                  1e-5);
      EXPECT_NEAR(scores.induction[i],
                  PlainScore(layer, head,
                             [](const auto& prompt, int query, int key) {
                               return key > 0 && prompt[key - 1] == prompt[query];
                             }),
                  1e-5);
    }
  }
  EXPECT_TRUE(names_.empty());
}

TEST_F(AttentionTest, ScoresIdealHeadsWithOne) {
  const at::Tensor tokens = at::tensor(std::vector<int64_t>{1, 2, 1, 2}, at::kLong);
  const ScoredKeys scored = FindScoredKeys(tokens);
  at::Tensor heads = at::zeros({3, 4, 4});
  for (int query = 1; query < 4; ++query) heads[0][query][query - 1] = 1;  // previous token
  heads[1][2][0] = heads[1][3][1] = 1;                                     // duplicate tokens
  heads[2][2][1] = heads[2][3][2] = 1;                                     // induction
  const at::Tensor scores = AttentionOn(heads, scored) / scored.queries;   // [heads, head kinds]
  EXPECT_TRUE(at::equal(scores.diagonal(), at::ones({3}))) << scores;
  EXPECT_TRUE(at::equal(scored.queries, at::tensor(std::vector<int64_t>{3, 2, 2}, at::kLong)));
}

TEST_F(AttentionTest, HasNoScoreWhereNoPromptHasSuchKeys) {
  request_.prompts = {{1, 2, 3}, {4}};
  AttentionScores scores = Run();
  EXPECT_THAT(scores.previous_token, Each(::testing::Gt(0)));
  EXPECT_THAT(scores.duplicate_token, Each(::testing::IsNan()));
  EXPECT_THAT(scores.induction, Each(::testing::IsNan()));
  request_.prompts = {{1}, {4}};
  EXPECT_THAT(Run().previous_token, Each(::testing::IsNan()));
}

TEST_F(AttentionTest, LeavesPromptsWithoutSuchKeysOutOfTheMean) {
  request_.prompts = {{1, 2, 1}};
  const AttentionScores alone = Run();
  request_.prompts = {{3, 4, 5}, {1, 2, 1}, {6}};
  const AttentionScores beside = Run();
  EXPECT_THAT(beside.duplicate_token, Pointwise(DoubleNear(1e-5), alone.duplicate_token));
  EXPECT_THAT(beside.induction, Pointwise(DoubleNear(1e-5), alone.induction));
}

TEST_F(AttentionTest, AnswersTheSameInMicroBatchesOfAnySize) {
  request_.prompts = {{1, 2, 1}, {3, 4, 5}, {6, 6, 7}};
  request_.mean_pattern = request_.patterns = true;
  const AttentionScores whole = Run();
  const auto whole_tensors = tensors_;
  const AttentionScores pieces = Run(1);
  EXPECT_THAT(whole.previous_token, Pointwise(DoubleNear(1e-6), pieces.previous_token));
  EXPECT_THAT(whole.duplicate_token, Pointwise(DoubleNear(1e-6), pieces.duplicate_token));
  EXPECT_THAT(whole.induction, Pointwise(DoubleNear(1e-6), pieces.induction));
  ASSERT_EQ(whole_tensors.size(), 4);
  for (const auto& [name, tensor] : whole_tensors) {
    EXPECT_TRUE(at::allclose(Values(tensor), Values(tensors_.at(name)), 0, 1e-6)) << name;
  }
}

TEST_F(AttentionTest, SinksPatternsAndScoresOfChosenHeadsWithoutPadding) {
  request_.layers = {2, 0};
  request_.heads = {3, 1, 2};
  request_.patterns = request_.attn_scores = true;
  for (const int64_t budget : {1, 1 << 30}) {
    const AttentionScores scores = Run(budget);
    EXPECT_THAT(scores.layers, ElementsAre(2, 0));
    EXPECT_THAT(scores.heads, ElementsAre(3, 1, 2));
    ASSERT_EQ(scores.previous_token.size(), 6);
    EXPECT_NEAR(scores.previous_token[1],
                PlainScore(2, 1, [](const auto&, int query, int key) { return key == query - 1; }), 1e-5);
    EXPECT_THAT(names_, ElementsAre("pattern/0", "attn_scores/0", "pattern/1", "attn_scores/1", "pattern/2",
                                    "attn_scores/2", "pattern/3", "attn_scores/3"));
    for (size_t i = 0; i < request_.prompts.size(); ++i) {
      const int64_t pos = request_.prompts[i].size();
      for (const std::string hook : {"pattern", "attn_scores"}) {
        const at::Tensor sunk = Values(tensors_.at(hook + "/" + std::to_string(i)));
        ASSERT_EQ(sunk.sizes(), (std::vector<int64_t>{2, 3, pos, pos}));
        for (int layer = 0; layer < 2; ++layer) {
          for (int head = 0; head < 3; ++head) {
            const at::Tensor plain = Plain(i, request_.layers[layer], hook)[request_.heads[head]];
            EXPECT_TRUE(at::allclose(sunk[layer][head], plain, 0, 1e-5)) << hook << i << layer << head;
          }
        }
      }
    }
    EXPECT_EQ(Values(tensors_.at("attn_scores/1"))[0][0][0][1].item<float>(), -std::numeric_limits<float>::infinity());
  }
}

TEST_F(AttentionTest, SinksTheMeanLast) {
  request_.prompts = {{1, 2, 1}, {3, 4, 5}, {6, 6, 7}};
  request_.layers = {2, 1};
  request_.heads = {0};
  request_.mean_pattern = request_.attn_scores = true;
  Run();
  EXPECT_THAT(names_, ElementsAre("attn_scores/0", "attn_scores/1", "attn_scores/2", "pattern/mean"));
  const at::Tensor mean = Values(tensors_.at("pattern/mean"));
  ASSERT_EQ(mean.sizes(), (std::vector<int64_t>{2, 1, 3, 3}));
  const at::Tensor plain = (Plain(0, 2, "pattern")[0] + Plain(1, 2, "pattern")[0] + Plain(2, 2, "pattern")[0]) / 3;
  EXPECT_TRUE(at::allclose(mean[0][0], plain, 0, 1e-6));
}

TEST_F(AttentionTest, KnowsItsBytesBeforehand) {
  request_.prompts = {{1, 2, 1}, {3, 4, 5}};
  request_.layers = {1};
  request_.patterns = request_.attn_scores = true;
  Run();
  int64_t bytes = 0;
  for (const auto& [name, tensor] : tensors_) bytes += tensor.data.size();
  EXPECT_EQ(AttentionBytes(model_->config(), request_), bytes);
  request_.patterns = request_.attn_scores = false;
  EXPECT_EQ(AttentionBytes(model_->config(), request_), 0);
}

TEST_F(AttentionTest, CountsTheSumsOfAMeanBeforehand) {
  request_.prompts = {{1, 2, 1}, {3, 4, 5}};
  request_.layers = {2, 0};
  request_.mean_pattern = true;
  // 2 layers of sums and one that is being added or converted, 4 heads, 3 queries, 3 keys, in float64.
  EXPECT_EQ(AttentionBytes(model_->config(), request_), (2 + 1) * 4 * 3 * 3 * 8);
  Run();
  EXPECT_EQ(tensors_.at("pattern/mean").data.size(), 2 * 4 * 3 * 3 * 4);
}

TEST_F(AttentionTest, PassesOnTheErrorOfItsSink) {
  request_.patterns = true;
  int tensors = 0;
  const auto result = ReadAttention(*model_, request_, {}, [&](std::string, HostTensor) {
    ++tensors;
    return absl::ResourceExhaustedError("the reply is full");
  });
  EXPECT_EQ(result.status().message(), "the reply is full");
  EXPECT_EQ(tensors, 1);
}

TEST_F(AttentionTest, NamesThePromptWhosePatternsAreNotFinite) {
  model_ = testing::ModelBrokenAtToken9();
  request_.prompts = {{1, 2}, {9, 3}};
  request_.patterns = true;
  int tensors = 0;
  const auto result = ReadAttention(*model_, request_, {}, [&](std::string, HostTensor) {
    ++tensors;
    return absl::OkStatus();
  });
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(result.status().message(), "prompts[1]: the model's attention patterns are not finite");
  EXPECT_EQ(tensors, 0);
}

TEST(MeanPatternTest, CountsRetriedPromptsOnce) {
  MeanPattern mean(2, 2, 1, 1);
  const at::Tensor first = at::full({1, 1, 1, 1}, 0.25), second = at::full({1, 1, 1, 1}, 0.75);
  mean.Add({0, 2}, 0, 0, at::cat({first, second}));  // and then memory runs out
  for (size_t prompt = 0; prompt < 2; ++prompt) {
    for (int layer = 0; layer < 2; ++layer) mean.Add({prompt, prompt + 1}, layer, layer, prompt == 0 ? first : second);
  }
  EXPECT_TRUE(at::equal(Values(mean.TakeMean()), at::full({2, 1, 1, 1}, 0.5)));
}

}  // namespace
}  // namespace circuitd
