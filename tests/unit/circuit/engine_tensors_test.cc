// The fast engine's pieces that work on rows, against plain computations.
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/circuit/engine/candidate_layer.h"
#include "server/circuit/engine/prompt_rows.h"
#include "server/circuit/engine/row_attention.h"
#include "server/circuit/engine/row_means.h"
#include "server/circuit/engine/shared_run.h"
#include "server/model/layer_parts.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using testing::RandomWeights;
using testing::TinyConfig;

std::vector<int64_t> Values(const at::Tensor& x) { return {x.data_ptr<int64_t>(), x.data_ptr<int64_t>() + x.numel()}; }

double Difference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

// Of prompts whose last positions are read.
PromptRows LastRows(const std::vector<std::vector<int>>& prompts) {
  std::vector<ReadPrompt> read;
  for (const std::vector<int>& prompt : prompts) read.push_back({prompt, {static_cast<int64_t>(prompt.size()) - 1}});
  return MakePromptRows(read, at::kCPU);
}

class EngineTensorsTest : public ::testing::Test {
 protected:
  EngineTensorsTest() { at::manual_seed(1); }

  const c10::InferenceMode inference_;
  const ModelConfig config_ = TinyConfig();
};

TEST_F(EngineTensorsTest, SharesTheRowsOfCommonBeginnings) {
  const PromptRows rows = LastRows({{7, 8, 9}, {7, 8, 5, 6}, {8, 8}});
  EXPECT_EQ(rows.rows, 7);
  EXPECT_EQ(rows.pos, 4);
  EXPECT_THAT(Values(rows.tokens), ElementsAre(7, 8, 9, 5, 6, 8, 8));
  EXPECT_THAT(Values(rows.positions), ElementsAre(0, 1, 2, 2, 3, 0, 1));
  EXPECT_THAT(Values(rows.sharers.to(at::kLong)), ElementsAre(2, 2, 1, 1, 1, 1, 1));
  // By position: the last rows of the third, first and second prompt.
  EXPECT_THAT(Values(rows.final_rows), ElementsAre(6, 2, 4));
  EXPECT_THAT(Values(rows.final_positions), ElementsAre(1, 2, 3));
  EXPECT_THAT(Values(rows.final_of_prompt), ElementsAre(1, 2, 0));
  ASSERT_EQ(rows.final_groups.size(), 3u);
  EXPECT_THAT(Values(rows.final_groups[2].prompts), ElementsAre(1));
}

TEST_F(EngineTensorsTest, NeedsNoIndicesWherePromptsAreEquallyLongAndDiffer) {
  const PromptRows rows = LastRows({{1, 2}, {2, 2}});
  EXPECT_FALSE(rows.row_of_place.defined());
  EXPECT_FALSE(rows.place_of_row.defined());
  EXPECT_FALSE(rows.sharers.defined());
}

TEST_F(EngineTensorsTest, TakesAllRowsAtThePositionsThatAreRead) {
  const std::vector<std::vector<int>> prompts = {{7, 8, 9}, {7, 8, 5}, {8, 8}};
  const PromptRows rows = MakePromptRows({{prompts[0], {1}}, {prompts[1], {1}}, {prompts[2], {1}}}, at::kCPU);
  EXPECT_THAT(Values(rows.final_positions), ElementsAre(1, 1));
  EXPECT_THAT(Values(rows.final_sharers.to(at::kLong)), ElementsAre(2, 1));
}

TEST_F(EngineTensorsTest, AveragesOverPromptsByPosition) {
  const std::vector<std::vector<int>> prompts = {{7, 8, 9}, {7, 8, 5, 6}, {8, 8}};
  for (const bool final_only : {false, true}) {
    RowMeans means(5);
    at::Tensor sum = at::zeros({5, 2}), count = at::zeros({5, 1});
    // Two chunks, the second of them without sharing.
    for (const auto& chunk : {std::vector<std::vector<int>>{prompts[0], prompts[1], prompts[2]},
                              std::vector<std::vector<int>>{{1, 2}, {3, 4}}}) {
      std::vector<ReadPrompt> read;
      for (const std::vector<int>& prompt : chunk) {
        read.push_back({prompt, {}});
        for (size_t position = 0; position < prompt.size(); ++position) {
          read.back().positions.push_back(static_cast<int64_t>(position));
        }
      }
      const PromptRows rows = MakePromptRows(read, at::kCPU);
      const at::Tensor values = at::randn({rows.rows, 2});
      const at::Tensor of_rows = final_only ? values.index_select(0, rows.final_rows) : values;
      means.Add(rows, final_only, of_rows);
      for (int64_t row = 0; row < rows.rows; ++row) {
        const int64_t position = rows.positions[row].item<int64_t>();
        const double sharers = rows.sharers.defined() ? rows.sharers[row].item<double>() : 1;
        sum[position] += values[row] * sharers;
        count[position] += sharers;
      }
    }
    EXPECT_LT(Difference(means.Mean(), sum / count.clamp_min(1)), 1e-6);
  }
}

TEST_F(EngineTensorsTest, AttendsAsPromptsRunAloneDo) {
  const std::vector<std::vector<int>> prompts = {{7, 8, 9}, {7, 8, 5, 6}, {8, 8}, {7}};
  const PromptRows rows = LastRows(prompts);
  constexpr int kHeads = 2, kLayer = 1;
  const int64_t width = kHeads * config_.d_head;
  const at::Tensor q = at::randn({rows.rows, width}), kv = at::randn({rows.rows, 2 * width});
  const at::Tensor all = AttendRows(config_, kLayer, rows, /*final_only=*/false, q, kv);
  const at::Tensor last =
      AttendRows(config_, kLayer, rows, /*final_only=*/true, q.index_select(0, rows.final_rows), kv);
  for (size_t i = 0; i < prompts.size(); ++i) {
    const int64_t length = prompts[i].size();
    const at::Tensor path = rows.row_of_place.view({4, 4})[i].narrow(0, 0, length);
    const auto heads = [&](const at::Tensor& x) { return x.view({1, length, kHeads, config_.d_head}); };
    const at::Tensor of_prompt = kv.index_select(0, path);
    const at::Tensor pattern = AttentionPattern(config_, kLayer, heads(q.index_select(0, path)),
                                                heads(of_prompt.narrow(1, 0, width)), FutureMask(0, length, at::kCPU));
    const at::Tensor z = ZOf(pattern, heads(of_prompt.narrow(1, width, width))).reshape({length, width});
    EXPECT_LT(Difference(all.index_select(0, path), z), 1e-6);
    EXPECT_LT(Difference(last[rows.final_of_prompt[i].item<int64_t>()], z[length - 1]), 1e-6);
  }
}

// Whether there is room for copies of the kept heads' weights or not.
TEST_F(EngineTensorsTest, KeepsHeadsWithAndWithoutCopiesOfTheirWeights) {
  const Gpt2 network(config_, RandomWeights(config_, 3));
  constexpr int kLayer = 1, kMaxPos = 6;
  const at::Tensor normalized = at::randn({9, config_.d_model}), stream = at::randn({9, config_.d_model});
  const at::Tensor z_mean = at::randn({kMaxPos, config_.n_heads, config_.d_head});
  const BlockWeights& w = network.weights().blocks[kLayer];
  const auto qkv = Affine(normalized, w.attn_weight, w.attn_bias).view({9, 3, config_.n_heads, config_.d_head});
  for (const std::vector<int64_t>& heads : {std::vector<int64_t>{0, 1, 2, 3}, {1, 3}, {2}, {}}) {
    at::Tensor ablated = z_mean.clone();
    for (const int64_t head : heads) ablated.select(1, head).zero_();
    for (const int64_t room : {int64_t{0}, int64_t{1} << 20}) {
      WeightBudget budget(room);
      {
        const KeptHeads kept(network, kLayer, heads, z_mean, kMaxPos, budget);
        EXPECT_LT(Difference(kept.constant(), Affine(ablated.flatten(1), w.o_weight, w.o_bias)), 1e-5);
        if (heads.empty()) continue;
        const at::Tensor index = at::tensor(heads, at::kLong), of_heads = qkv.index_select(2, index);
        EXPECT_LT(Difference(kept.Q(normalized), of_heads.select(1, 0).flatten(1)), 1e-5);
        EXPECT_LT(Difference(kept.KeysValues(normalized), of_heads.narrow(1, 1, 2).flatten(1)), 1e-5);
        const at::Tensor z = at::randn({9, static_cast<int64_t>(heads.size()), config_.d_head});
        const at::Tensor all = at::zeros({9, config_.n_heads, config_.d_head}).index_copy(1, index, z);
        EXPECT_LT(Difference(kept.Plus(stream, z.flatten(1)), stream + at::matmul(all.flatten(1), w.o_weight)), 1e-5);
      }
      EXPECT_TRUE(budget.Take(room));  // it has given back what it took
    }
  }
}

TEST_F(EngineTensorsTest, AveragesInFloat64) {
  constexpr int kPrompts = 4000;
  std::vector<std::vector<int>> prompts;
  for (int i = 0; i < kPrompts; ++i) prompts.push_back({i, i});
  const PromptRows rows = LastRows(prompts);
  // Sums of these in float32 are off by far more.
  const at::Tensor values = at::full({rows.rows, 1}, 1.1f);
  for (const bool final_only : {false, true}) {
    RowMeans means(2);
    means.Add(rows, final_only, final_only ? values.narrow(0, 0, kPrompts) : values);
    EXPECT_EQ(means.Mean()[1].item<float>(), 1.1f);
  }
}

TEST_F(EngineTensorsTest, FindsBothPromptsRowsInASharedRun) {
  const Gpt2 network(config_, RandomWeights(config_, 3));
  EngineWeights weights(network, 4, int64_t{1} << 20, /*pack_candidates=*/true);
  const Checkpoint none;
  const std::vector<std::vector<int>> clean = {{7, 8, 9}, {7, 8, 5, 6}}, corrupted = {{7, 1, 9}, {7, 8, 5, 2}};
  const std::vector<ReadPrompt> read_clean = {{clean[0], {2}}, {clean[1], {3}}},
                                read_corrupted = {{corrupted[0], {2}}, {corrupted[1], {2, 3}}};
  const PromptRows clean_rows = MakePromptRows(read_clean, at::kCPU),
                   corrupted_rows = MakePromptRows(read_corrupted, at::kCPU);
  SharedRun shared(network, weights, read_clean, read_corrupted, clean_rows, corrupted_rows, {}, none);
  const PromptRows& both = shared.both().rows();
  EXPECT_EQ(both.rows, 8);  // 7 8 9 5 6, 1 9, 2
  // Streams that say which token and position they are of.
  const auto stream = [](const PromptRows& rows, bool final_only) {
    const at::Tensor x = at::stack({rows.tokens, rows.positions}, 1);
    return MidStream{{final_only ? x.index_select(0, rows.final_rows) : x, final_only}, {}};
  };
  for (const bool final_only : {false, true}) {
    const MidStream of_both = stream(both, final_only);
    EXPECT_TRUE(shared.Clean(of_both).stream.x.equal(stream(clean_rows, final_only).stream.x));
    EXPECT_TRUE(shared.Corrupted(of_both).stream.x.equal(stream(corrupted_rows, final_only).stream.x));
  }
}

TEST_F(EngineTensorsTest, ChangesOneHeadAsTheWholeMlpWould) {
  const Gpt2 network(config_, RandomWeights(config_, 3));
  constexpr int kLayer = 1, kHead = 2;
  // A mean and a scale as residual streams have them.
  const at::Tensor mid = at::randn({50, config_.d_model}) * 5 + 3, dz = at::randn({50, config_.d_head});
  for (const bool pack : {true, false}) {
    CandidateLayer layer(network, kLayer, pack);
    const at::Tensor changed = layer.ChangedMid(mid, kHead, dz);
    EXPECT_LT(Difference(changed, mid + at::matmul(dz, OutputWeight(network, kLayer, kHead))), 1e-5);

    const at::Tensor product = layer.ChangedProduct(layer.Product(mid), kHead, dz);
    const BlockWeights& w = network.weights().blocks[kLayer];
    const at::Tensor post = Activate(config_, Affine(Ln2(network, kLayer, changed), w.in_weight, w.in_bias));
    EXPECT_LT(Difference(layer.Post(changed, product), post), 1e-5);
  }
}

}  // namespace
}  // namespace circuitd
