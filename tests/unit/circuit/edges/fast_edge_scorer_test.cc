// The scorer that goes on from kept runs gives the scores of whole runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <random>

#include "server/circuit/edges/edge_scorer.h"
#include "server/graph/edge_order.h"
#include "server/model/gpt2.h"
#include "tests/unit/circuit/edges/naive_edges.h"
#include "tests/unit/patching/pair_prompts.h"

namespace circuitd {
namespace {

using testing::MixedPairsAndEqualOne;
using testing::RandomEdges;
using testing::TinyModel;

void ExpectNear(double value, double expected) { EXPECT_NEAR(value, expected, 1e-5 * (1 + std::abs(expected))); }

class FastEdgeScorerTest : public ::testing::Test {
 protected:
  FastEdgeScorerTest() {
    for (const Node& node : {Node::Head(0, 2), Node::Mlp(1), Node::Head(1, 3), Node::Head(2, 0)}) some_.erase(node);
  }

  void Create() {
    fast_ = *NewEdgeScorer(*model_, pairs_, options_, checkpoint_);
    plain_ = *NewPlainEdgeScorer(*model_, pairs_, options_, checkpoint_);
    ExpectNear(fast_->model_metric(), plain_->model_metric());
  }

  static std::vector<int> SendersOf(const EdgeSet& edges, int receiver) {
    std::vector<int> senders;
    for (int sender = 0; sender < edges.sender_count(); ++sender) {
      if (edges.Contains(receiver, sender)) senders.push_back(sender);
    }
    return senders;
  }

  // Score and ScoreWithout for the receivers, each with all of its senders.
  void ExpectPlain(const EdgeSet& edges, int step = 1) {
    ExpectNear(*fast_->Score(edges), *plain_->Score(edges));
    for (int receiver = 0; receiver < edges.receiver_count(); receiver += step) {
      const std::vector<int> senders = SendersOf(edges, receiver);
      if (senders.empty()) continue;
      for (const PathFreeze freeze : {PathFreeze::kAll, PathFreeze::kHeads}) {
        SCOPED_TRACE(NodeName(ReceiverOfRank(config_, receiver)));
        const auto fast = fast_->ScoreWithout(edges, receiver, senders, freeze);
        const auto plain = plain_->ScoreWithout(edges, receiver, senders, freeze);
        ASSERT_TRUE(fast.ok()) << fast.status();
        ASSERT_EQ(fast->size(), senders.size());
        for (size_t i = 0; i < senders.size(); ++i) ExpectNear((*fast)[i], (*plain)[i]);
      }
    }
  }

  const std::unique_ptr<Model> model_ = TinyModel(2);
  const ModelConfig& config_ = model_->config();
  PromptPairs pairs_ = MixedPairsAndEqualOne();
  NodeSet some_ = AllNodes(config_);
  EdgeScorerOptions options_;
  Checkpoint checkpoint_;
  std::unique_ptr<EdgeScorer> fast_, plain_;
};

TEST_F(FastEdgeScorerTest, ScoresAsWholeRunsDo) {
  Create();
  ExpectPlain(EdgeSet::All(config_));
  ExpectPlain(RandomEdges(config_, 1, 0.5, AllNodes(config_)));
  ExpectPlain(EdgeSet(config_));
}

TEST_F(FastEdgeScorerTest, ScoresAsWholeRunsDoWhateverEdgesOutsideCarry) {
  std::vector<EdgeScorerOptions> cases(6);
  cases[0].ablation = EdgeAblation::kMean;
  cases[1].ablation = EdgeAblation::kZero;
  cases[1].metric = Metric::kNll;
  cases[2].swap_prompts = true;
  cases[2].metric = Metric::kKlDiv;
  cases[3].within = WithinCircuit{some_, MlpMeans::kSeqcont};
  cases[4].within = WithinCircuit{some_, MlpMeans::kClean};
  cases[4].swap_prompts = true;
  cases[5].ablation = EdgeAblation::kMean;
  cases[5].swap_prompts = true;
  cases[5].metric = Metric::kProbDiff;
  for (const EdgeScorerOptions& options : cases) {
    SCOPED_TRACE(&options - cases.data());
    options_ = options;
    Create();
    const NodeSet nodes = options.within ? some_ : AllNodes(config_);
    ExpectPlain(RandomEdges(config_, 3, 0.6, nodes), 3);
    ExpectPlain(EdgeSet::LeavingOnly(config_, nodes), 5);
  }
}

TEST_F(FastEdgeScorerTest, ScoresModelsOfAnyNumberOfLayers) {
  for (const int n_layers : {1, 2}) {
    ModelConfig config = testing::TinyConfig();
    config.n_layers = n_layers;
    const Model model("tiny", config, nullptr, std::make_unique<Gpt2>(config, testing::RandomWeights(config, 1)),
                      nullptr, "cpu", DType::kFloat32);
    const auto fast = *NewEdgeScorer(model, pairs_, options_, checkpoint_);
    const auto plain = *NewPlainEdgeScorer(model, pairs_, options_, checkpoint_);
    EdgeSet edges = EdgeSet::All(config);
    for (int receiver = edges.receiver_count() - 1; receiver >= 0; --receiver) {
      ExpectNear((*fast->ScoreWithout(edges, receiver, {0}))[0], (*plain->ScoreWithout(edges, receiver, {0}))[0]);
      if (receiver % 2 == 0) edges.Set(receiver, 0, false);
    }
  }
}

TEST_F(FastEdgeScorerTest, ScoresTheSameWithinAnyBudget) {
  const EdgeSet edges = RandomEdges(config_, 7, 0.7, AllNodes(config_));
  for (const int64_t budget : {int64_t{1}, int64_t{1} << 17, int64_t{1} << 19, int64_t{1} << 21}) {
    options_.memory_budget_bytes = budget;
    Create();
    ExpectPlain(edges, 4);
  }
  options_.micro_batch_prompts = 3;
  Create();
  ExpectPlain(edges, 4);
}

TEST_F(FastEdgeScorerTest, FollowsASetThatLosesEdgesOneByOne) {
  for (const int64_t budget : {int64_t{1} << 17, int64_t{1} << 30}) {
    options_.memory_budget_bytes = budget;
    Create();
    std::mt19937 random(1);
    EdgeSet edges = EdgeSet::All(config_);
    ExpectNear(*fast_->Score(edges), *plain_->Score(edges));
    int removed = 0;
    for (int receiver = edges.receiver_count() - 1; receiver >= 0; --receiver) {
      if (random() % 4 > 0) fast_->GoOnFrom(edges);
      for (const int sender : SendersOf(edges, receiver)) {
        ExpectNear((*fast_->ScoreWithout(edges, receiver, {sender}))[0],
                   (*plain_->ScoreWithout(edges, receiver, {sender}))[0]);
        if (random() % 3 == 0) continue;
        edges.Set(receiver, sender, false);
        ++removed;
        // At times the set that was tried last is asked for itself.
        if (random() % 4 == 0) ExpectNear(*fast_->Score(edges), *plain_->Score(edges));
      }
    }
    EXPECT_GT(removed, 128);
  }
}

TEST_F(FastEdgeScorerTest, FollowsASetWhoseEdgesComeAndGo) {
  Create();
  std::mt19937 random(2);
  EdgeSet edges = RandomEdges(config_, 9, 0.5, AllNodes(config_));
  for (int i = 0; i < 150; ++i) {
    if (i % 3 == 0) fast_->GoOnFrom(edges);
    // Of one receiver, or of two.
    for (int receivers = random() % 4 == 0 ? 2 : 1; receivers > 0; --receivers) {
      const int receiver = static_cast<int>(random() % edges.receiver_count());
      const int below = SendersBelow(config_, ReceiverOfRank(config_, receiver));
      for (int count = 0; count < 3; ++count)
        edges.Set(receiver, static_cast<int>(random() % below), random() % 2 == 0);
    }
    ExpectNear(*fast_->Score(edges), *plain_->Score(edges));
  }
}

TEST_F(FastEdgeScorerTest, ScoresDoNotShowWhatWasAskedForBefore) {
  options_.micro_batch_prompts = 3;
  Create();
  const auto other = *NewEdgeScorer(*model_, pairs_, options_, checkpoint_);
  const EdgeSet base = RandomEdges(config_, 11, 0.6, AllNodes(config_));
  fast_->GoOnFrom(base);
  std::mt19937 random(3);
  for (int receiver = 0; receiver < base.receiver_count(); receiver += 2) {
    EdgeSet edges = base;
    for (const int sender : SendersOf(base, receiver)) edges.Set(receiver, sender, random() % 2 == 0);
    const std::vector<int> senders = SendersOf(edges, receiver);
    fast_->Score(RandomEdges(config_, receiver, 0.5, AllNodes(config_))).value();
    other->GoOnFrom(RandomEdges(config_, receiver, 0.5, AllNodes(config_)));
    other->Score(edges).value();
    other->GoOnFrom(base);
    for (const PathFreeze freeze : {PathFreeze::kAll, PathFreeze::kHeads}) {
      EXPECT_EQ(*fast_->ScoreWithout(edges, receiver, senders, freeze),
                *other->ScoreWithout(edges, receiver, senders, freeze));
    }
    EXPECT_EQ(*fast_->Score(edges), *other->Score(edges));
    ExpectNear(*fast_->Score(edges), *plain_->Score(edges));
  }
}

TEST_F(FastEdgeScorerTest, AllEdgesWithoutOneAreThatPathPatched) {
  for (const bool within : {false, true}) {
    if (within) options_.within = WithinCircuit{AllNodes(config_)};
    Create();
    for (const PathFreeze freeze : {PathFreeze::kAll, PathFreeze::kHeads}) {
      PathPatchingRequest request;
      request.pairs = pairs_;
      request.freeze = freeze;
      const EdgeSet all = EdgeSet::All(config_);
      for (int i = 0; i < all.receiver_count(); ++i) request.receivers.push_back(ReceiverOfRank(config_, i));
      const auto paths = RunPathPatching(*model_, request, {1 << 30, nullptr}, nullptr);
      ASSERT_TRUE(paths.ok()) << paths.status();
      size_t next = 0;
      for (int receiver = 0; receiver < all.receiver_count(); ++receiver) {
        const auto scores = fast_->ScoreWithout(all, receiver, SendersOf(all, receiver), freeze);
        ASSERT_TRUE(scores.ok()) << scores.status();
        for (const double score : *scores) ExpectNear(score, paths->paths[next++].mean);
      }
      EXPECT_EQ(next, paths->paths.size());
    }
  }
}

TEST_F(FastEdgeScorerTest, AnswersForNoSenders) {
  Create();
  EXPECT_TRUE(fast_->ScoreWithout(EdgeSet::All(config_), 0, {})->empty());
}

TEST_F(FastEdgeScorerTest, StopsWhenTheCheckpointSaysSoAndGoesOnAfterwards) {
  Create();
  const EdgeSet all = EdgeSet::All(config_), some = RandomEdges(config_, 7, 0.7, AllNodes(config_));
  const double expected = *fast_->Score(some);
  for (int passes = 0; passes < 4; ++passes) {
    int left = passes;
    checkpoint_ = [&] { return left-- > 0 ? absl::OkStatus() : absl::CancelledError("enough"); };
    // Before the kept run is made anew, and before what goes on from it.
    EXPECT_EQ(fast_->ScoreWithout(all, 0, {0}).ok(), passes >= 2);
    checkpoint_ = nullptr;
    EXPECT_NEAR(*fast_->Score(some), expected, 1e-9);
  }
}

}  // namespace
}  // namespace circuitd
