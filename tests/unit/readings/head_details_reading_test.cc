// Details of heads against prompt-by-prompt, head-by-head computations.
#include "server/readings/head_details_reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/readings/attention.h"
#include "tests/unit/readings/plain_run.h"

namespace circuitd {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::FloatNear;
using testing::PlainRun;
using ::testing::Pointwise;
using ::testing::SizeIs;
using Prompt = std::vector<int>;

class LetterTokenizer : public Tokenizer {
 public:
  absl::StatusOr<Prompt> Encode(absl::string_view) const override { return absl::UnimplementedError("not needed"); }
  std::string TokenBytes(int id) const override { return id < size() ? std::string(1, 'a' + id) : ""; }
  int size() const override { return 20; }
};

// Of `length` tokens.
Prompt PromptOf(int length, int seed, int d_vocab) {
  Prompt prompt;
  for (int i = 0; i < length; ++i) prompt.push_back((seed + i * (seed + 3)) % d_vocab);
  return prompt;
}

class HeadDetailsReadingTest : public ::testing::Test {
 protected:
  void SetPrompts(const std::vector<Prompt>& prompts) {
    pairs_.clear();
    for (const Prompt& prompt : prompts) pairs_.push_back({prompt, {}, {}, {}, {}});
  }

  HeadDetails Read(int64_t budget = 1 << 30) {
    ForwardOptions options;
    options.memory_budget_bytes = budget;
    options.checkpoint = [&] {
      ++checkpoints_;
      return absl::OkStatus();
    };
    auto details = ReadHeadDetails(*model_, pairs_, nodes_, options);
    EXPECT_TRUE(details.ok()) << details.status();
    return std::move(details).value();
  }

  // [query, key], of all heads and layers [layers][heads]
  at::Tensor MeanPatterns(const std::vector<Prompt>& prompts) const {
    const ModelConfig& config = model_->config();
    at::Tensor sum;
    for (const Prompt& prompt : prompts) {
      const PlainRun run(*model_, prompt);
      std::vector<at::Tensor> layers;
      for (int layer = 0; layer < config.n_layers; ++layer) {
        layers.push_back(run.activations[absl::StrCat("blocks.", layer, ".attn.hook_pattern")]);
      }
      const at::Tensor patterns = at::stack(layers);
      sum = sum.defined() ? sum + patterns : patterns;
    }
    return sum / static_cast<double>(prompts.size());
  }

  // What heads read of a prompt [pos, d_model].
  at::Tensor Embedding(const Prompt& prompt) const {
    return PlainRun(*model_, prompt).activations["blocks.0.hook_resid_post"];
  }

  // The five tokens that a head writes most when it reads `row` [d_model].
  Prompt Written(int layer, int head, const at::Tensor& row) const {
    const ModelConfig& config = model_->config();
    const BlockWeights& w = model_->network().weights().blocks[layer];
    const at::Tensor normalized = at::layer_norm(row, {config.d_model}, w.ln1_weight, w.ln1_bias, 1e-5);
    const at::Tensor v = (at::matmul(normalized, w.attn_weight) + w.attn_bias)
                             .narrow(0, 2 * config.d_model + head * config.d_head, config.d_head);
    const at::Tensor logits =
        model_->network().Unembed(at::matmul(v, w.o_weight.narrow(0, head * config.d_head, config.d_head)));
    Prompt order(config.d_vocab);
    std::iota(order.begin(), order.end(), 0);
    const float* values = logits.data_ptr<float>();
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return values[a] > values[b]; });
    order.resize(std::min<size_t>(order.size(), 5));
    return order;
  }

  // `details` are what plain code finds on `prompts`, which are those of the most common length.
  void ExpectPlain(const HeadDetails& details, const std::vector<Prompt>& prompts) const {
    const auto pos = static_cast<int>(prompts[0].size());
    const int per_cell = details.positions_per_cell;
    const int cells = (pos + per_cell - 1) / per_cell;
    EXPECT_EQ(details.prompt_count, static_cast<int64_t>(prompts.size()));
    ASSERT_THAT(details.tokens, SizeIs(pos));
    const at::Tensor means = MeanPatterns(prompts), read = Embedding(prompts[0]);
    for (const HeadDetail& head : details.heads) {
      const at::Tensor mean = means[head.layer][head.head].contiguous();
      ASSERT_THAT(head.pattern, SizeIs(cells * (cells + 1) / 2));
      size_t next = 0;
      for (int query = 0; query < cells; ++query) {
        for (int key = 0; key <= query; ++key) {
          const at::Tensor cell = mean.slice(0, query * per_cell, std::min(pos, (query + 1) * per_cell))
                                      .slice(1, key * per_cell, std::min(pos, (key + 1) * per_cell));
          EXPECT_NEAR(head.pattern[next++], cell.max().item<float>(), 1e-5);
        }
      }
      ExpectPlainWrites(head, mean[pos - 1].contiguous(), prompts[0], read);
    }
  }

  // last [key], read [pos, d_model]
  void ExpectPlainWrites(const HeadDetail& head, const at::Tensor& last, const Prompt& prompt,
                         const at::Tensor& read) const {
    const float* attention = last.data_ptr<float>();
    std::vector<bool> left(prompt.size(), true);
    for (const HeadDetail::Writes& writes : head.writes) {
      int best = -1;
      for (int p = 0; p < static_cast<int>(prompt.size()); ++p) {
        if (left[p] && (best < 0 || attention[p] > attention[best])) best = p;
      }
      ASSERT_EQ(writes.position, best);
      for (size_t p = 0; p < prompt.size(); ++p) left[p] = left[p] && prompt[p] != prompt[best];
      std::vector<std::string> tokens;
      for (const int token : Written(head.layer, head.head, read[best])) tokens.push_back(absl::StrCat(token));
      EXPECT_EQ(writes.tokens, tokens);
    }
    const auto tokens_left = std::count(left.begin(), left.end(), true);
    EXPECT_TRUE(head.writes.size() == 3 || (head.writes.size() < 3 && tokens_left == 0));
  }

  std::unique_ptr<Model> model_ = testing::TinyModel(13);
  PromptPairs pairs_;
  NodeSet nodes_;
  int checkpoints_ = 0;
};

TEST_F(HeadDetailsReadingTest, ReadsWhatPlainCodeReads) {
  SetPrompts({{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 2, 2}});
  const HeadDetails details = Read();
  EXPECT_THAT(details.heads, SizeIs(12));
  EXPECT_EQ(details.label, "");
  EXPECT_THAT(details.tokens, ElementsAre("1", "2", "3", "4"));
  EXPECT_EQ(details.positions_per_cell, 1);
  ExpectPlain(details, {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 2, 2}});
}

TEST_F(HeadDetailsReadingTest, ReadsPromptsOfTheMostCommonLength) {
  SetPrompts({{1, 2}, {5, 6, 5, 8, 5}, {9, 10, 11}, {1, 2, 3, 4, 5}, {7}});
  const HeadDetails details = Read();
  ExpectPlain(details, {{5, 6, 5, 8, 5}, {1, 2, 3, 4, 5}});
}

TEST_F(HeadDetailsReadingTest, ReadsOnePromptOfOneToken) {
  SetPrompts({{7}});
  const HeadDetails details = Read();
  ExpectPlain(details, {{7}});
  EXPECT_THAT(details.heads, Each(Field(&HeadDetail::pattern, ElementsAre(1))));
  EXPECT_THAT(details.heads, Each(Field(&HeadDetail::writes, SizeIs(1))));
}

TEST_F(HeadDetailsReadingTest, ReadsTheFirst32Prompts) {
  std::vector<Prompt> prompts;
  for (int i = 0; i < 40; ++i) prompts.push_back(PromptOf(3, i, 23));
  SetPrompts(prompts);
  prompts.resize(32);
  ExpectPlain(Read(), prompts);
}

TEST_F(HeadDetailsReadingTest, NamesTokensAsTheTokenizerDoes) {
  const ModelConfig config = testing::TinyConfig();
  model_ = std::make_unique<Model>("tiny", config, std::make_unique<LetterTokenizer>(),
                                   std::make_unique<Gpt2>(config, testing::RandomWeights(config, 13)), nullptr, "cpu",
                                   DType::kFloat32);
  // The tokenizer doesn't have 21.
  SetPrompts({{1, 2, 21}});
  const HeadDetails details = Read();
  EXPECT_THAT(details.tokens, ElementsAre("b", "c", "21"));
  const HeadDetail& head = details.heads[7];
  std::vector<std::string> expected;
  for (const int token : Written(1, 3, Embedding({1, 2, 21})[head.writes[0].position])) {
    expected.push_back(token < 20 ? std::string(1, 'a' + token) : absl::StrCat(token));
  }
  EXPECT_EQ(head.writes[0].tokens, expected);
}

TEST_F(HeadDetailsReadingTest, MergesLongPromptsIntoCells) {
  ModelConfig config = testing::TinyConfig();
  config.n_ctx = 150;
  model_ = testing::ModelOf(testing::RandomWeights(config, 5), config);
  const std::vector<Prompt> prompts = {PromptOf(149, 2, 23), PromptOf(149, 5, 23)};
  SetPrompts(prompts);
  const HeadDetails details = Read();
  EXPECT_EQ(details.positions_per_cell, 4);
  EXPECT_THAT(details.heads[0].pattern, SizeIs(38 * 39 / 2));
  ExpectPlain(details, prompts);
}

TEST_F(HeadDetailsReadingTest, HasAtMost256HeadsThoseOfTheCircuitFirst) {
  ModelConfig config = testing::TinyConfig();
  config.n_heads = 130;
  config.d_model = 130;
  config.d_head = 1;
  config.d_mlp = 8;
  model_ = testing::ModelOf(testing::RandomWeights(config, 5), config);
  nodes_ = {Node::Head(0, 1), Node::Head(1, 129), Node::Head(2, 7), Node::Head(2, 128), Node::Mlp(1)};
  SetPrompts({{1, 2, 3}, {4, 5, 6}});
  const HeadDetails details = Read();
  ASSERT_THAT(details.heads, SizeIs(256));
  std::vector<Node> heads;
  for (const HeadDetail& head : details.heads) heads.push_back(Node::Head(head.layer, head.head));
  EXPECT_TRUE(std::is_sorted(heads.begin(), heads.end()));
  // 130 of layer 0, 123 of layer 1 and its last, two of layer 2.
  EXPECT_EQ(heads[252], Node::Head(1, 122));
  EXPECT_THAT(std::vector<Node>(heads.begin() + 253, heads.end()),
              ElementsAre(Node::Head(1, 129), Node::Head(2, 7), Node::Head(2, 128)));
  ExpectPlain(details, {{1, 2, 3}, {4, 5, 6}});
}

TEST_F(HeadDetailsReadingTest, ReadsTheSameLayerByLayerWithinLittleMemory) {
  SetPrompts({{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 2, 2}});
  const HeadDetails whole = Read();
  EXPECT_EQ(checkpoints_, 1 + 1 + 1);  // patterns, the embedding, what is written
  checkpoints_ = 0;
  const HeadDetails pieces = Read(1);
  // Of each layer each prompt, the embedding, of each head what it writes from each of three positions.
  EXPECT_EQ(checkpoints_, 3 * 3 + 1 + 12 * 3);
  ExpectPlain(pieces, {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 2, 2}});
  for (size_t i = 0; i < 12; ++i)
    EXPECT_THAT(pieces.heads[i].pattern, Pointwise(FloatNear(1e-5), whole.heads[i].pattern));
}

TEST_F(HeadDetailsReadingTest, StopsAtEachCheckpoint) {
  SetPrompts({{1, 2, 3, 4}, {5, 6, 7, 8}});
  int calls = 0, last = 0;
  ForwardOptions options;
  options.checkpoint = [&] { return ++calls == last ? absl::CancelledError("cancelled") : absl::OkStatus(); };
  for (last = 1; last <= 3; ++last) {
    calls = 0;
    EXPECT_EQ(ReadHeadDetails(*model_, pairs_, nodes_, options).status().code(), absl::StatusCode::kCancelled) << last;
    EXPECT_EQ(calls, last);
  }
  calls = last = 0;
  EXPECT_TRUE(ReadHeadDetails(*model_, pairs_, nodes_, options).ok());
  EXPECT_EQ(calls, 3);
}

TEST_F(HeadDetailsReadingTest, NamesWhatIsNotFinite) {
  model_ = testing::ModelBrokenAtToken9();
  SetPrompts({{1, 2}, {3, 9}});
  const absl::Status status = ReadHeadDetails(*model_, pairs_, nodes_, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "prompts[1]: the model's attention patterns are not finite");
}

TEST_F(HeadDetailsReadingTest, KnowsItsMemoryBeforehand) {
  SetPrompts({{1, 2, 3, 4}, {5, 6, 7, 8}, {9}});
  // The sums of all layers, or of one, and one that is being added; beside it a micro-batch of the prompts.
  AttentionRequest request;
  request.prompts = {{1, 2, 3, 4}, {5, 6, 7, 8}};
  request.mean_pattern = true;
  const int64_t of_both = AttentionRunBytes(*model_, request, 1 << 29);
  EXPECT_EQ(HeadDetailsBytes(*model_, pairs_, 1 << 30), (3 + 1) * 4 * 4 * 4 * 8 + of_both);
  request.prompts.pop_back();
  const int64_t of_one = AttentionRunBytes(*model_, request, 1);
  EXPECT_EQ(HeadDetailsBytes(*model_, pairs_, 1), (1 + 1) * 4 * 4 * 4 * 8 + of_one);
  EXPECT_LT(of_one, of_both);
}

TEST_F(HeadDetailsReadingTest, ReadsFewerPromptsWhereTheyRunSeveralTimes) {
  std::vector<Prompt> prompts;
  for (int i = 0; i < 100; ++i) prompts.push_back(PromptOf(3, i, 23));
  SetPrompts(prompts);
  prompts.resize(10);  // 32 of 3 runs
  ExpectPlain(Read(1), prompts);
}

}  // namespace
}  // namespace circuitd
