// The fast engine's pieces that need no tensors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/circuit/engine/circuit_layers.h"
#include "server/circuit/engine/engine_plan.h"
#include "server/circuit/engine/prompt_chunks.h"
#include "server/circuit/remembering_scorer.h"
#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::TinyConfig;

CircuitLayers Layers(const NodeSet& circuit) { return CircuitLayers(TinyConfig(), circuit); }

TEST(CircuitLayersTest, SortsNodesIntoLayers) {
  const CircuitLayers layers = Layers({Node::Head(1, 3), Node::Head(1, 0), Node::Mlp(2)});
  EXPECT_THAT(layers[0].heads, IsEmpty());
  EXPECT_THAT(layers[1].heads, ElementsAre(0, 3));
  EXPECT_FALSE(layers[1].mlp);
  EXPECT_TRUE(layers[2].mlp);
  EXPECT_THAT(layers.AblatedMlps(0), ElementsAre(0, 1));
  EXPECT_THAT(layers.AblatedMlps(1), ElementsAre(1));
  EXPECT_THAT(layers.WithAllMlps().AblatedMlps(0), IsEmpty());
}

TEST(CircuitLayersTest, ReadsPositionsOnlyBelowTheHighestKeptHead) {
  const CircuitLayers layers = Layers({Node::Head(1, 3), Node::Mlp(2)});
  EXPECT_TRUE(layers.IsReadAbove(-1));
  EXPECT_TRUE(layers.IsReadAbove(0));
  EXPECT_FALSE(layers.IsReadAbove(1));
  EXPECT_FALSE(Layers({Node::Mlp(2)}).IsReadAbove(-1));
}

TEST(CircuitLayersTest, ServesCircuitsThatAreTheSameBelowAndReadNoMore) {
  const NodeSet all = AllNodes(TinyConfig());
  const auto without = [&](std::initializer_list<Node> nodes) {
    NodeSet circuit = all;
    for (const Node& node : nodes) circuit.erase(node);
    return Layers(circuit);
  };
  EXPECT_TRUE(Layers(all).ServesBefore(1, without({Node::Head(1, 0)})));
  EXPECT_FALSE(Layers(all).ServesBefore(2, without({Node::Head(1, 0)})));
  EXPECT_FALSE(Layers(all).ServesBefore(2, without({Node::Mlp(1)})));
  // Without heads in the last layer, only last positions are left before it.
  const CircuitLayers no_last = without({Node::Head(2, 0), Node::Head(2, 1), Node::Head(2, 2), Node::Head(2, 3)});
  EXPECT_TRUE(Layers(all).ServesBefore(2, no_last));
  EXPECT_FALSE(no_last.ServesBefore(2, Layers(all)));
  EXPECT_TRUE(no_last.ServesBefore(1, Layers(all)));
}

PromptPairs Clean(const std::vector<std::vector<int>>& prompts) {
  PromptPairs pairs;
  for (const std::vector<int>& prompt : prompts) pairs.push_back({prompt, prompt, {}, {}, {}});
  return pairs;
}

TEST(SplitIntoChunksTest, PutsPromptsThatBeginAlikeSideBySide) {
  EXPECT_THAT(SplitIntoChunks(Clean({{2, 1}, {1, 1}, {2, 2}, {1, 2}}), 4),
              ElementsAre(ElementsAre(1, 3), ElementsAre(0, 2)));
}

TEST(SplitIntoChunksTest, MakesChunksOfOneSize) {
  const std::vector<std::vector<int>> prompts(48, std::vector<int>(23, 1));
  const auto chunks = SplitIntoChunks(Clean(prompts), 640);
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0].size(), 24u);
  EXPECT_EQ(chunks[1].size(), 24u);
}

TEST(SplitIntoChunksTest, CountsPaddingAndTakesALongPromptAlone) {
  EXPECT_THAT(SplitIntoChunks(Clean({{1}, {2}, {3, 3, 3, 3, 3, 3, 3, 3, 3}, {4}}), 6),
              ElementsAre(ElementsAre(0, 1), ElementsAre(2), ElementsAre(3)));
}

ModelConfig Gpt2Medium() {
  ModelConfig config = TinyConfig();
  config.n_layers = 24;
  config.n_heads = 16;
  config.d_model = 1024;
  config.d_head = 64;
  config.d_mlp = 4096;
  return config;
}

TEST(PlanEngineTest, StaysWithinTheBudgetUnlessOnePromptIsMore) {
  const ModelConfig config = Gpt2Medium();
  for (const int64_t prompts : {1, 8, 64, 512, 4096}) {
    for (const int64_t budget : {int64_t{1} << 28, int64_t{1} << 30, int64_t{1} << 34}) {
      for (const int sets : {1, 2}) {
        for (const bool on_cpu : {true, false}) {
          const EngineLoad load{
              .prompts = prompts, .tokens = prompts * 23, .longest = 23, .sets = sets, .on_cpu = on_cpu};
          for (const int shrink : {0, 1, 4}) {
            EXPECT_LE(PlannedBytes(config, load, PlanEngine(config, load, budget, shrink)), budget)
                << prompts << " prompts, " << budget << " bytes";
          }
        }
      }
    }
  }
  const EnginePlan least = PlanEngine(config, {.prompts = 1, .tokens = 1024, .longest = 1024}, 1, 0);
  EXPECT_EQ(least.chunk_tokens, 1024);
  EXPECT_FALSE(least.keeps.start);
}

TEST(PlanEngineTest, KeepsEverythingWhereThereIsRoom) {
  const ModelConfig config = Gpt2Medium();
  const EnginePlan plan = PlanEngine(config, {.prompts = 48, .tokens = 48 * 23, .longest = 23}, int64_t{1} << 34, 0);
  EXPECT_TRUE(plan.keeps.start);
  EXPECT_TRUE(plan.keeps.product);
  EXPECT_EQ(plan.keeps.borders.size(), 23u);
}

TEST(PlanEngineTest, ShrinksUntilNothingIsKept) {
  const ModelConfig config = Gpt2Medium();
  const EngineLoad load{.prompts = 4, .tokens = 4 * 1024, .longest = 1024};
  int shrink = 0;
  while (CanShrink(load, PlanEngine(config, load, int64_t{1} << 30, shrink))) ASSERT_LT(++shrink, 40);
  EXPECT_GT(shrink, 0);
  const EnginePlan least = PlanEngine(config, load, int64_t{1} << 30, shrink);
  EXPECT_EQ(least.chunk_tokens, 1024);
  EXPECT_FALSE(least.keeps.start);
}

TEST(PlanEngineTest, ShrinksDownToOnePrompt) {
  const ModelConfig config = Gpt2Medium();
  const EngineLoad load{.prompts = 512, .tokens = 512 * 23, .longest = 23};
  EXPECT_LT(PlanEngine(config, load, int64_t{1} << 30, 1).chunk_tokens,
            PlanEngine(config, load, int64_t{1} << 30, 0).chunk_tokens);
  EXPECT_EQ(PlanEngine(config, load, int64_t{1} << 30, 20).chunk_tokens, 23);
}

TEST(PlanEngineTest, LaysAsManyPromptsSideBySideAsItIsToldWhereTheyFit) {
  const ModelConfig config = Gpt2Medium();
  EngineLoad load{.prompts = 512, .tokens = 512 * 23, .longest = 23};
  const EnginePlan own = PlanEngine(config, load, int64_t{2} << 30, 0);
  load.chunk_prompts = 5;
  for (const int64_t budget : {int64_t{2} << 30, int64_t{1} << 34}) {
    EXPECT_EQ(PlanEngine(config, load, budget, 0).chunk_tokens, 5 * 23);
  }
  load.chunk_prompts = 512;
  EXPECT_EQ(PlanEngine(config, load, int64_t{1} << 34, 0).chunk_tokens, 512 * 23);
  EXPECT_LE(PlannedBytes(config, load, PlanEngine(config, load, int64_t{1} << 30, 0)), int64_t{1} << 30);
  load.chunk_prompts = own.chunk_tokens / 23;
  EXPECT_EQ(PlanEngine(config, load, int64_t{1} << 34, 0).chunk_tokens, own.chunk_tokens);
  load.chunk_prompts = -1;
  EXPECT_EQ(PlanEngine(config, load, int64_t{1} << 34, 0).chunk_tokens, 23);
}

// Counts what it is asked; a circuit's score is its size.
class CountingScorer : public NodeScorer {
 public:
  explicit CountingScorer(int& asked) : asked_(asked) {}
  double full_logit_diff() const override { return 2; }
  absl::StatusOr<double> Score(const NodeSet& circuit) override {
    ++asked_;
    if (circuit.empty()) return absl::CancelledError("stop");
    return static_cast<double>(circuit.size());
  }

 private:
  int& asked_;
};

TEST(RememberingScorerTest, AsksOnceForEachCircuit) {
  const ModelConfig config = TinyConfig();
  int asked = 0;
  RememberingScorer scorer(config, std::make_unique<CountingScorer>(asked));
  EXPECT_EQ(scorer.full_logit_diff(), 2);
  const NodeSet circuit = {Node::Head(0, 1), Node::Mlp(0), Node::Head(2, 3)};
  EXPECT_EQ(*scorer.Score(circuit), 3);
  EXPECT_EQ(*scorer.Score(circuit), 3);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(*scorer.ScoreWithout(circuit, Node::Mlp(0)), 2);
  EXPECT_EQ(*scorer.Score({Node::Head(0, 1), Node::Head(2, 3)}), 2);
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(*scorer.ScoreWithout(circuit, Node::Head(0, 1)), 2);
  EXPECT_EQ(asked, 3);
}

TEST(RememberingScorerTest, AnswersWhatItLearned) {
  const ModelConfig config = TinyConfig();
  int asked = 0;
  RememberingScorer scorer(config, std::make_unique<CountingScorer>(asked));
  scorer.Learn({Node::Head(0, 1), Node::Mlp(0)}, Node::Mlp(0), 71.25);
  EXPECT_EQ(*scorer.ScoreWithout({Node::Head(0, 1), Node::Mlp(2)}, Node::Mlp(2)), 71.25);
  EXPECT_EQ(asked, 0);
}

TEST(RememberingScorerTest, ForgetsErrors) {
  const ModelConfig config = TinyConfig();
  int asked = 0;
  RememberingScorer scorer(config, std::make_unique<CountingScorer>(asked));
  EXPECT_FALSE(scorer.Score({}).ok());
  EXPECT_FALSE(scorer.ScoreWithout({Node::Mlp(0)}, Node::Mlp(0)).ok());
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace circuitd
