// OV and QK scores against head-by-head computations.
#include "server/readings/head_circuits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>

#include "tests/unit/readings/plain_run.h"

namespace circuitd {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsNan;
using testing::PlainRun;

class HeadCircuitsTest : public ::testing::Test {
 protected:
  HeadCircuitsTest() {
    request_.prompts = {{1, 2, 3, 4}, {5, 2, 6}, {7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}};
    request_.sequence = {2, 3, 20, 5, 6, 7};
    request_.top_k = 8;
  }

  ForwardOptions Options(int64_t budget) const {
    ForwardOptions options;
    options.memory_budget_bytes = budget;
    return options;
  }

  OvScores Ov(int64_t budget = 1 << 30) {
    EXPECT_TRUE(ValidateHeadCircuit(model_->config(), request_).ok());
    auto result = ScoreOv(*model_, request_, Options(budget));
    EXPECT_TRUE(result.ok()) << result.status();
    return std::move(result).value();
  }

  QkScores Qk(int64_t budget = 1 << 30) {
    EXPECT_TRUE(ValidateHeadCircuit(model_->config(), request_).ok());
    auto result = ScoreQk(*model_, request_, Options(budget));
    EXPECT_TRUE(result.ok()) << result.status();
    return std::move(result).value();
  }

  // The residual stream after layer 0 [pos, d_model].
  at::Tensor Read(const std::vector<int>& prompt) const {
    return PlainRun(*model_, prompt).activations["blocks.0.hook_resid_post"];
  }

  // Rank of a token among the logits that a head writes when it reads `row` [d_model].
  int Rank(int layer, int head, const at::Tensor& row, int token) const {
    const BlockWeights& w = model_->network().weights().blocks[layer];
    const at::Tensor normalized = at::layer_norm(row, {16}, w.ln1_weight, w.ln1_bias, 1e-5);
    const at::Tensor v = (at::matmul(normalized, w.attn_weight) + w.attn_bias).narrow(0, 32 + head * 4, 4);
    const at::Tensor logits = model_->network().Unembed(at::matmul(v, w.o_weight.narrow(0, head * 4, 4)));
    return (logits > logits[token]).sum().item<int>();
  }

  std::unique_ptr<Model> model_ = testing::TinyModel(13);
  HeadCircuitRequest request_;
};

TEST_F(HeadCircuitsTest, CountsCopiesAndNextMembersAmongTheTop) {
  const std::map<int, int> next = {{2, 3}, {3, 20}, {20, 5}, {5, 6}, {6, 7}};
  const OvScores scores = Ov();
  EXPECT_EQ(scores.position_count, 19);
  EXPECT_EQ(scores.member_count, 5);  // 2 and 3, and 5, 2 and 6; nothing follows 7
  for (int layer = 0; layer < 3; ++layer) {
    for (int head = 0; head < 4; ++head) {
      int copies = 0, nexts = 0;
      for (const auto& prompt : request_.prompts) {
        const at::Tensor read = Read(prompt);
        for (size_t p = 0; p < prompt.size(); ++p) {
          copies += Rank(layer, head, read[p], prompt[p]) < 8;
          if (const auto it = next.find(prompt[p]); it != next.end()) {
            nexts += Rank(layer, head, read[p], it->second) < 8;
          }
        }
      }
      EXPECT_DOUBLE_EQ(scores.copy[layer * 4 + head], copies / 19.0);
      EXPECT_DOUBLE_EQ(scores.next[layer * 4 + head], nexts / 5.0);
    }
  }
}

TEST_F(HeadCircuitsTest, ReadsOnlyTheSelectedPositions) {
  request_.positions.roles = {"it"};
  request_.roles = {{{"it", 1}}, {{"it", 2}}, {{"it", 0}}};
  const OvScores scores = Ov();
  EXPECT_EQ(scores.position_count, 3);
  EXPECT_EQ(scores.member_count, 2);
  int copies = 0;
  for (size_t i = 0; i < 3; ++i) {
    const int position = request_.roles[i]["it"];
    copies += Rank(2, 3, Read(request_.prompts[i])[position], request_.prompts[i][position]) < 8;
  }
  EXPECT_DOUBLE_EQ(scores.copy[11], copies / 3.0);
}

TEST_F(HeadCircuitsTest, HasNoNextScoreWithoutNextMembers) {
  request_.sequence = {7};
  const OvScores scores = Ov();
  EXPECT_EQ(scores.member_count, 0);
  EXPECT_THAT(scores.next, Each(IsNan()));
  request_.sequence.clear();
  EXPECT_THAT(Ov().next, Each(IsNan()));
}

TEST_F(HeadCircuitsTest, CountsEqualLogitsById) {
  Gpt2Weights weights = testing::UntiedWeights(13);
  weights.unembed = at::zeros_like(weights.unembed);
  model_ = testing::ModelOf(std::move(weights));
  request_.top_k = 5;
  // Tokens 1 to 4, and 2 again, are below 5.
  EXPECT_THAT(Ov().copy, Each(5 / 19.0));
}

TEST_F(HeadCircuitsTest, AnswersTheSameWithinAnyBudget) {
  const OvScores whole = Ov(), pieces = Ov(1), some = Ov(9 * 23 * 13);
  EXPECT_EQ(whole.copy, pieces.copy);
  EXPECT_EQ(whole.next, pieces.next);
  EXPECT_EQ(whole.copy, some.copy);
  EXPECT_EQ(pieces.position_count, 19);
  const QkScores qk = Qk(), qk_pieces = Qk(1);
  ASSERT_EQ(qk.scores.data.size(), qk_pieces.scores.data.size());
  for (size_t i = 0; i < qk.scores.data.size() / sizeof(float); ++i) {
    EXPECT_NEAR(reinterpret_cast<const float*>(qk.scores.data.data())[i],
                reinterpret_cast<const float*>(qk_pieces.scores.data.data())[i], 1e-5);
  }
}

TEST_F(HeadCircuitsTest, StopsAtTheCheckpointBetweenBlocks) {
  ForwardOptions options = Options(1);
  int calls = 0;
  options.checkpoint = [&] { return ++calls == 4 ? absl::CancelledError("cancelled") : absl::OkStatus(); };
  EXPECT_EQ(ScoreOv(*model_, request_, options).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(calls, 4);
}

TEST_F(HeadCircuitsTest, ScoresQueriesAgainstKeysAsAttentionDoes) {
  ModelConfig config = testing::TinyConfig();
  config.scale_attn_by_inverse_layer_idx = true;
  for (const bool scale_by_layer : {false, true}) {
    if (scale_by_layer) model_ = testing::ModelOf(testing::RandomWeights(config, 13), config);
    const QkScores result = Qk();
    EXPECT_THAT(result.members, ElementsAre(2, 3, 5, 6, 7));
    EXPECT_THAT(result.scores.shape, ElementsAre(3, 4, 5, 5));
    const at::Tensor scores =
        at::from_blob(const_cast<char*>(result.scores.data.data()), result.scores.shape, at::kFloat);

    const at::Tensor first = Read(request_.prompts[0]), second = Read(request_.prompts[1]),
                     third = Read(request_.prompts[2]);
    const at::Tensor members = at::stack({(first[1] + second[1]) / 2, first[2], second[0], second[2], third[0]});
    for (int layer = 0; layer < 3; ++layer) {
      // As if the members were a prompt's residual stream; in reverse order for what a causal mask hides.
      testing::KeepAll forward, backward;
      model_->network().RunLayers(members.unsqueeze(0), layer, layer + 1, &forward);
      model_->network().RunLayers(members.flip(0).unsqueeze(0), layer, layer + 1, &backward);
      const std::string hook = "blocks." + std::to_string(layer) + ".attn.hook_attn_scores";
      const at::Tensor below = forward[hook], above = backward[hook].flip({1, 2});  // [n_heads, query, key]
      const at::Tensor expected = at::where(below.isfinite(), below, above);
      EXPECT_TRUE(at::allclose(scores[layer], expected, 0, 1e-5)) << layer;
    }
  }
}

TEST_F(HeadCircuitsTest, SharesMembersByTheirHighestKey) {
  const QkScores result = Qk();
  const auto* scores = reinterpret_cast<const float*>(result.scores.data.data());
  for (int head = 0; head < 12; ++head) {
    const auto highest = [&](int query) {
      const float* row = scores + (head * 5 + query) * 5;
      return std::max_element(row, row + 5) - row;
    };
    int same = 0, previous = 0;
    for (int query = 0; query < 5; ++query) same += highest(query) == query;
    // 5 follows 20 in the sequence, which no prompt has.
    for (const int query : {1, 3, 4}) previous += highest(query) == query - 1;
    EXPECT_DOUBLE_EQ(result.same[head], same / 5.0);
    EXPECT_DOUBLE_EQ(result.previous[head], previous / 3.0);
  }
}

TEST_F(HeadCircuitsTest, HasNoPreviousShareWithoutPredecessors) {
  request_.sequence = {2, 20, 3};
  EXPECT_THAT(Qk().previous, Each(IsNan()));
}

TEST_F(HeadCircuitsTest, NeedsTwoMembersToCompare) {
  request_.sequence = {2, 20, 21};
  const auto result = ScoreQk(*model_, request_, {});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(result.status().message(), "sequence: 1 of its members stand at the positions, at least 2 are needed");
  request_.sequence = {2, 3};
  request_.positions.indices = {-1};
  EXPECT_EQ(ScoreQk(*model_, request_, {}).status().message(),
            "sequence: 0 of its members stand at the positions, at least 2 are needed");
}

TEST_F(HeadCircuitsTest, NamesThePromptWhoseActivationsAreNotFinite) {
  model_ = testing::ModelBrokenAtToken9();
  request_.prompts = {{1, 2}, {3, 9}};
  request_.sequence = {2, 9};
  for (const absl::Status& status :
       {ScoreOv(*model_, request_, {}).status(), ScoreQk(*model_, request_, {}).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(status.message(), "prompts[1]: the model's activations after layer 0 are not finite");
  }
}

TEST_F(HeadCircuitsTest, RefusesLogitsThatAreNotFinite) {
  Gpt2Weights weights = testing::UntiedWeights(1);
  weights.unembed[9].fill_(std::numeric_limits<float>::infinity());
  model_ = testing::ModelOf(std::move(weights));
  EXPECT_EQ(ScoreOv(*model_, request_, {}).status().message(),
            "prompts[0]: the logits of what heads write are not finite");
}

}  // namespace
}  // namespace circuitd
