// The fast engine against the plain one, on models and prompts that are drawn at random.
#include "server/circuit/engine/fast_node_scorer.h"

#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>
#include <string>

#include "server/circuit/node_sweep.h"
#include "server/circuit/plain_node_scorer.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;

class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {}
  int Int(int first, int last) { return std::uniform_int_distribution<int>(first, last)(random_); }
  bool Chance(double p) { return std::bernoulli_distribution(p)(random_); }

 private:
  std::mt19937_64 random_;
};

ModelConfig DrawConfig(Draw& draw) {
  ModelConfig config;
  config.n_layers = draw.Int(1, 6);
  config.n_heads = draw.Int(1, 5);
  config.d_head = draw.Int(1, 6);
  config.d_model = config.n_heads * config.d_head;
  config.d_mlp = draw.Int(1, 5 * config.d_model);
  config.n_ctx = 12;
  config.d_vocab = draw.Int(12, 40);
  if (draw.Chance(0.3)) config.activation = Activation::kGelu;
  config.scale_attn_weights = !draw.Chance(0.2);
  config.scale_attn_by_inverse_layer_idx = draw.Chance(0.2);
  config.tie_word_embeddings = draw.Chance(0.5);
  return config;
}

std::vector<int> DrawPrompt(Draw& draw, const ModelConfig& config, int length) {
  std::vector<int> prompt;
  // Few different tokens at the beginning, so that some prompts begin alike.
  for (int i = 0; i < length; ++i) prompt.push_back(draw.Int(0, i < 3 ? 1 : config.d_vocab - 1));
  return prompt;
}

PromptPairs DrawPairs(Draw& draw, const ModelConfig& config, bool mixed_lengths) {
  PromptPairs pairs(draw.Int(1, 7));
  const int length = draw.Int(1, config.n_ctx);
  for (PromptPair& pair : pairs) {
    const int own = mixed_lengths ? draw.Int(1, config.n_ctx) : length;
    pair.clean = DrawPrompt(draw, config, own);
    pair.corrupted = DrawPrompt(draw, config, own);
    for (int i = draw.Int(1, 3); i > 0; --i) pair.correct.push_back(draw.Int(0, config.d_vocab - 1));
    for (int i = draw.Int(1, 3); i > 0; --i) pair.incorrect.push_back(draw.Int(0, config.d_vocab - 1));
  }
  return pairs;
}

struct Drawn {
  std::unique_ptr<Gpt2> network;
  PromptPairs pairs;
  NodePruningOptions options;
};

const Checkpoint kNoCheckpoint;

Drawn DrawAll(uint64_t seed) {
  Draw draw(seed);
  Drawn drawn;
  const ModelConfig config = DrawConfig(draw);
  Gpt2Weights weights = testing::RandomWeights(config, seed);
  if (!config.tie_word_embeddings) weights.unembed = testing::RandomWeights(config, seed + 1).embed;
  drawn.network = std::make_unique<Gpt2>(config, std::move(weights));
  drawn.pairs = DrawPairs(draw, config, draw.Chance(0.5));
  drawn.options.means = draw.Chance(0.6) ? MlpMeans::kSeqcont : MlpMeans::kClean;
  drawn.options.threshold = draw.Chance(0.3) ? draw.Int(50, 100) : draw.Int(1, 40);
  // From room for everything to room for nothing.
  drawn.options.memory_budget_bytes = int64_t{1} << draw.Int(10, 26);
  if (!PlainNodeScorer::Create(*drawn.network, drawn.pairs, drawn.options, kNoCheckpoint).ok()) {
    for (PromptPair& pair : drawn.pairs) std::swap(pair.correct, pair.incorrect);
  }
  return drawn;
}

// Points that scores may differ by, from sums in float32 taken in another order: they are relative to what the
// unablated logits differ by, which may be next to nothing in a random model.
double Tolerance(const NodeScorer& plain) { return std::max(1e-3, 1e-3 / plain.full_logit_diff()); }

class FastNodeScorerTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    auto plain = PlainNodeScorer::Create(*drawn_.network, drawn_.pairs, drawn_.options, kNoCheckpoint);
    ASSERT_TRUE(plain.ok()) << plain.status();
    plain_ = *std::move(plain);
    auto fast = FastNodeScorer::Create(*drawn_.network, drawn_.pairs, drawn_.options, kNoCheckpoint);
    ASSERT_TRUE(fast.ok()) << fast.status();
    fast_ = *std::move(fast);
  }

  void ExpectSame(const absl::StatusOr<double>& fast, const absl::StatusOr<double>& plain) const {
    ASSERT_TRUE(plain.ok()) << plain.status();
    ASSERT_TRUE(fast.ok()) << fast.status();
    EXPECT_NEAR(*fast, *plain, Tolerance(*plain_));
  }

  const Drawn drawn_ = DrawAll(GetParam());
  const ModelConfig& config_ = drawn_.network->config();
  std::unique_ptr<NodeScorer> plain_, fast_;
};

TEST_P(FastNodeScorerTest, HasTheSameUnablatedLogitDifference) {
  EXPECT_NEAR(fast_->full_logit_diff(), plain_->full_logit_diff(), 1e-5);
}

TEST_P(FastNodeScorerTest, ScoresRandomCircuitsTheSame) {
  Draw draw(GetParam());
  for (int i = 0; i < 8; ++i) {
    const double kept = 0.1 * draw.Int(0, 10);
    NodeSet circuit = AllNodes(config_);
    std::erase_if(circuit, [&](const Node&) { return !draw.Chance(kept); });
    ExpectSame(fast_->Score(circuit), plain_->Score(circuit));
    if (circuit.empty()) continue;
    const Node node = *std::next(circuit.begin(), draw.Int(0, static_cast<int>(circuit.size()) - 1));
    ExpectSame(fast_->ScoreWithout(circuit, node), plain_->ScoreWithout(circuit, node));
  }
}

// Along the plain engine's decisions, so that a close one does not part the ways.
TEST_P(FastNodeScorerTest, ScoresEveryCandidateOfARunTheSame) {
  class Both : public NodeScorer {
   public:
    Both(NodeScorer& plain, NodeScorer& fast) : plain_(plain), fast_(fast) {}
    double full_logit_diff() const override { return plain_.full_logit_diff(); }
    absl::StatusOr<double> Score(const NodeSet&) override { return absl::UnimplementedError("sweeps don't ask"); }
    absl::StatusOr<double> ScoreWithout(const NodeSet& circuit, const Node& node) override {
      const absl::StatusOr<double> plain = plain_.ScoreWithout(circuit, node), fast = fast_.ScoreWithout(circuit, node);
      EXPECT_TRUE(fast.ok()) << fast.status();
      if (plain.ok() && fast.ok()) {
        EXPECT_NEAR(*fast, *plain, Tolerance(plain_)) << "without " << NodeName(node);
      }
      return plain;
    }

   private:
    NodeScorer &plain_, &fast_;
  } both(*plain_, *fast_);
  const auto result = PruneWithScorer(both, config_, drawn_.options, nullptr);
  EXPECT_TRUE(result.ok()) << result.status();
}

TEST_P(FastNodeScorerTest, MakesTheSameDecisions) {
  const auto decisions = [&](NodeScorer& scorer) {
    std::vector<PruningDecision> all;
    EXPECT_TRUE(PruneWithScorer(scorer, config_, drawn_.options, [&](const PruningDecision& decision) {
                  all.push_back(decision);
                }).ok());
    return all;
  };
  const auto plain = decisions(*plain_), fast = decisions(*fast_);
  for (size_t i = 0; i < plain.size(); ++i) {
    ASSERT_LT(i, fast.size());
    ASSERT_EQ(NodeName(fast[i].node), NodeName(plain[i].node)) << "decision " << i;
    if (fast[i].removed == plain[i].removed) continue;
    // What follows is another run.
    EXPECT_NEAR(100 - plain[i].score, drawn_.options.threshold, Tolerance(*plain_) / 10) << NodeName(plain[i].node);
    return;
  }
  EXPECT_EQ(fast.size(), plain.size());
}

INSTANTIATE_TEST_SUITE_P(Drawn, FastNodeScorerTest, ::testing::Range(0, 40));

TEST(FastNodeScorerMemoryTest, GoesOnWithLessWhereMemoryRunsOut) {
  const Drawn drawn = DrawAll(5);
  int left = 1 << 30;
  const Checkpoint checkpoint = [&] {
    return --left == 0 ? absl::ResourceExhaustedError("out of memory") : absl::OkStatus();
  };
  NodePruningOptions options = drawn.options;
  options.memory_budget_bytes = 1 << 30;
  const auto scorer = FastNodeScorer::Create(*drawn.network, drawn.pairs, options, checkpoint);
  ASSERT_TRUE(scorer.ok()) << scorer.status();
  NodeSet circuit = AllNodes(drawn.network->config());
  const auto score = (*scorer)->ScoreWithout(circuit, Node::Mlp(0));
  ASSERT_TRUE(score.ok()) << score.status();
  for (const int checkpoints : {1, 2, 3}) {
    left = checkpoints;
    const auto again = (*scorer)->ScoreWithout(circuit, Node::Mlp(0));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_LE(left, 0);  // it did run out
    EXPECT_NEAR(*again, *score, 1e-3);
  }
}

TEST(FastNodeScorerMemoryTest, SaysWhenNotEvenOnePromptFits) {
  const Drawn drawn = DrawAll(5);
  const Checkpoint checkpoint = [] { return absl::ResourceExhaustedError("out of memory"); };
  EXPECT_EQ(FastNodeScorer::Create(*drawn.network, drawn.pairs, drawn.options, checkpoint).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(FastNodeScorerErrorTest, ReturnsTheCheckpointsErrorAndCanBeAskedAgain) {
  const Drawn drawn = DrawAll(7);
  bool cancelled = false;
  const Checkpoint checkpoint = [&] { return cancelled ? absl::CancelledError("stop") : absl::OkStatus(); };
  const auto scorer = FastNodeScorer::Create(*drawn.network, drawn.pairs, drawn.options, checkpoint);
  ASSERT_TRUE(scorer.ok()) << scorer.status();
  const NodeSet circuit = AllNodes(drawn.network->config());
  cancelled = true;
  EXPECT_EQ((*scorer)->ScoreWithout(circuit, Node::Head(0, 0)).status(), absl::CancelledError("stop"));
  cancelled = false;
  EXPECT_TRUE((*scorer)->ScoreWithout(circuit, Node::Head(0, 0)).ok());
}

TEST(FastNodeScorerErrorTest, CanBeAskedAgainAfterAFailureToStartAgain) {
  const Drawn drawn = DrawAll(7);
  std::vector<absl::Status> errors;  // the next checkpoints' answers, last first
  const Checkpoint checkpoint = [&] {
    if (errors.empty()) return absl::OkStatus();
    const absl::Status next = errors.back();
    errors.pop_back();
    return next;
  };
  NodePruningOptions options = drawn.options;
  options.memory_budget_bytes = 1 << 30;
  const auto scorer = FastNodeScorer::Create(*drawn.network, drawn.pairs, options, checkpoint);
  ASSERT_TRUE(scorer.ok()) << scorer.status();
  const NodeSet circuit = AllNodes(drawn.network->config());
  const auto score = (*scorer)->ScoreWithout(circuit, Node::Mlp(0));
  ASSERT_TRUE(score.ok()) << score.status();
  // Out of memory, then cancelled while it plans for less.
  errors = {absl::CancelledError("stop"), absl::ResourceExhaustedError("out of memory")};
  EXPECT_EQ((*scorer)->ScoreWithout(circuit, Node::Mlp(0)).status(), absl::CancelledError("stop"));
  const auto again = (*scorer)->ScoreWithout(circuit, Node::Mlp(0));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_NEAR(*again, *score, 1e-3);
}

TEST(FastNodeScorerErrorTest, ScoresACircuitWithoutANodeThatItDoesNotHave) {
  const Drawn drawn = DrawAll(7);
  const auto scorer = FastNodeScorer::Create(*drawn.network, drawn.pairs, drawn.options, kNoCheckpoint);
  ASSERT_TRUE(scorer.ok()) << scorer.status();
  const NodeSet circuit = Without(AllNodes(drawn.network->config()), Node::Head(0, 0));
  EXPECT_NEAR(*(*scorer)->ScoreWithout(circuit, Node::Head(0, 0)), *(*scorer)->Score(circuit), 1e-9);
}

TEST(FastNodeScorerErrorTest, RefusesANegativeLogitDifferenceNamingIt) {
  Drawn drawn = DrawAll(9);
  for (PromptPair& pair : drawn.pairs) std::swap(pair.correct, pair.incorrect);
  const auto scorer = FastNodeScorer::Create(*drawn.network, drawn.pairs, drawn.options, kNoCheckpoint);
  EXPECT_EQ(scorer.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(scorer.status().message()), HasSubstr("logit difference is -"));
}

}  // namespace
}  // namespace circuitd
