// Scores of edge-masked runs against runs written out sender by sender, and against other ways to the same numbers.
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "server/circuit/edges/edge_scorer.h"
#include "server/circuit/node_ablation.h"
#include "server/graph/edge_order.h"
#include "server/model/logit_readout.h"
#include "server/model/metric_values.h"
#include "tests/unit/circuit/edges/naive_edges.h"
#include "tests/unit/patching/pair_prompts.h"

namespace circuitd {
namespace {

using testing::MixedPairsAndEqualOne;
using testing::NaiveEdges;
using testing::RandomEdges;
using testing::TinyModel;

class PlainEdgeScorerTest : public ::testing::Test {
 protected:
  std::unique_ptr<EdgeScorer> Create() {
    auto scorer = NewPlainEdgeScorer(*model_, pairs_, options_, checkpoint_);
    EXPECT_TRUE(scorer.ok()) << scorer.status();
    return *std::move(scorer);
  }

  // The mean metric of whole runs with `hooks` over each pair's `prompt`.
  double MeanOfRuns(std::vector<int> PromptPair::*prompt, Hooks* hooks = nullptr) const {
    const c10::InferenceMode guard;
    const Gpt2& network = model_->network();
    double sum = 0;
    for (const PromptPair& pair : pairs_) {
      const PaddedPrompts run = Pad({pair.*prompt}, at::kCPU), clean = Pad({pair.clean}, at::kCPU);
      const at::Tensor clean_logits = LastLogits(network, network.Run(clean.tokens), clean);
      const std::vector<Answer> answers = {{pair.correct, pair.incorrect}};
      const at::Tensor logits = LastLogits(network, network.Run(run.tokens, hooks), run);
      sum += MetricPerPrompt(options_.metric, logits, clean_logits, answers)[0];
    }
    return sum / static_cast<double>(pairs_.size());
  }

  const std::unique_ptr<Model> model_ = TinyModel(2);
  const ModelConfig& config_ = model_->config();
  PromptPairs pairs_ = MixedPairsAndEqualOne();
  EdgeScorerOptions options_;
  Checkpoint checkpoint_;
};

void ExpectNear(double value, double expected) { EXPECT_NEAR(value, expected, 1e-5 * (1 + std::abs(expected))); }

TEST_F(PlainEdgeScorerTest, AllEdgesAreTheCleanRunAndNoneTheCorruptedOne) {
  for (const Metric metric : {Metric::kLogitDiff, Metric::kProbDiff, Metric::kKlDiv, Metric::kNll, Metric::kRank}) {
    options_.metric = metric;
    for (const bool swap : {false, true}) {
      options_.swap_prompts = swap;
      const auto scorer = Create();
      const double clean = MeanOfRuns(&PromptPair::clean), corrupted = MeanOfRuns(&PromptPair::corrupted);
      ExpectNear(*scorer->Score(EdgeSet::All(config_)), swap ? corrupted : clean);
      ExpectNear(*scorer->Score(EdgeSet(config_)), swap ? clean : corrupted);
      ExpectNear(scorer->model_metric(), clean);
      EXPECT_TRUE(metric == Metric::kRank || std::abs(clean - corrupted) > 1e-2);
    }
  }
}

TEST_F(PlainEdgeScorerTest, NodesThatNoEdgeLeavesAreAblatedByTheirMean) {
  NodeSet nodes = AllNodes(config_);
  for (const Node& node : {Node::Head(0, 1), Node::Head(1, 0), Node::Mlp(1), Node::Head(2, 3)}) nodes.erase(node);
  std::vector<std::vector<int>> corrupted;
  for (const PromptPair& pair : pairs_) corrupted.push_back(pair.corrupted);
  const std::vector<bool> all(config_.n_layers, true);
  const auto means = CaptureMeans(model_->network(), corrupted, MicroBatchesOf(pairs_.size(), pairs_.size()),
                                  {all, all}, nullptr, nullptr);
  ASSERT_TRUE(means.ok());
  NodeAblation ablation(model_->network(), nodes, /*ablate_mlps=*/true, means->z, means->mlp_out);
  options_.ablation = EdgeAblation::kMean;
  ExpectNear(*Create()->Score(EdgeSet::LeavingOnly(config_, nodes)), MeanOfRuns(&PromptPair::clean, &ablation));
  // And all edges of the mean-ablated circuit are its own run.
  options_ = {};
  options_.within = WithinCircuit{nodes, MlpMeans::kClean};
  ExpectNear(*Create()->Score(EdgeSet::LeavingOnly(config_, nodes)), MeanOfRuns(&PromptPair::clean, &ablation));
  ExpectNear(*Create()->Score(EdgeSet(config_)), MeanOfRuns(&PromptPair::corrupted, &ablation));
}

// Gives some heads and MLPs their values of another run.
class Resampling : public Hooks {
 public:
  std::vector<at::Tensor> z, mlp_out;
  const NodeSet* kept = nullptr;  // null: takes the values down
  int n_heads = 0;

  bool Wants(HookPoint point) const override { return point.kind == HookKind::kZ || point.kind == HookKind::kMlpOut; }
  void Visit(HookPoint point, at::Tensor& value) override {
    std::vector<at::Tensor>& values = point.kind == HookKind::kZ ? z : mlp_out;
    if (kept == nullptr) {
      values.push_back(value.clone());
    } else if (point.kind == HookKind::kMlpOut) {
      if (!kept->contains(Node::Mlp(point.layer))) value = values[point.layer];
    } else {
      value = value.clone();
      for (int head = 0; head < n_heads; ++head) {
        if (!kept->contains(Node::Head(point.layer, head))) {
          value.select(2, head).copy_(values[point.layer].select(2, head));
        }
      }
    }
  }
};

TEST_F(PlainEdgeScorerTest, NodesThatNoEdgeLeavesAreAblatedByResampling) {
  NodeSet nodes = AllNodes(config_);
  for (const Node& node : {Node::Head(0, 1), Node::Head(1, 0), Node::Mlp(1), Node::Head(2, 3)}) nodes.erase(node);
  const PromptPairs all = pairs_;
  double sum = 0;
  for (const PromptPair& pair : all) {
    pairs_ = {pair};
    const c10::InferenceMode guard;
    Resampling resampling;
    resampling.n_heads = config_.n_heads;
    model_->network().Run(Pad({pair.corrupted}, at::kCPU).tokens, &resampling);
    resampling.kept = &nodes;
    sum += MeanOfRuns(&PromptPair::clean, &resampling) / static_cast<double>(all.size());
  }
  pairs_ = all;
  ExpectNear(*Create()->Score(EdgeSet::LeavingOnly(config_, nodes)), sum);
}

TEST_F(PlainEdgeScorerTest, EqualsRunsWrittenOutSenderBySender) {
  NodeSet some = AllNodes(config_);
  for (const Node& node : {Node::Head(0, 2), Node::Mlp(0), Node::Head(1, 3), Node::Mlp(2)}) some.erase(node);
  std::vector<EdgeScorerOptions> cases(7);
  cases[1].ablation = EdgeAblation::kMean;
  cases[2].ablation = EdgeAblation::kZero;
  cases[3].swap_prompts = true;
  cases[3].metric = Metric::kKlDiv;
  cases[4].within = WithinCircuit{some, MlpMeans::kSeqcont};
  cases[5].within = WithinCircuit{some, MlpMeans::kClean};
  cases[5].swap_prompts = true;
  cases[6].ablation = EdgeAblation::kMean;
  cases[6].swap_prompts = true;
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    options_ = cases[i];
    NaiveEdges naive(*model_, pairs_, options_);
    // One prompt a micro-batch, nothing kept; two; all.
    for (const int64_t budget : {1, 1 << 18, 1 << 30}) {
      options_.memory_budget_bytes = budget;
      const auto scorer = Create();
      ExpectNear(scorer->model_metric(), naive.model_metric());
      for (const double share : {0.3, 0.7, 0.95}) {
        const NodeSet nodes = options_.within ? some : AllNodes(config_);
        const EdgeSet edges = RandomEdges(config_, 17 + i, share, nodes);
        ExpectNear(*scorer->Score(edges), *naive.Score(edges));
      }
    }
  }
}

TEST_F(PlainEdgeScorerTest, LeavesOneEdgeOutAsRunsWrittenOutDo) {
  pairs_ = {pairs_[0], pairs_[1]};
  NodeSet some = AllNodes(config_);
  for (const Node& node : {Node::Head(0, 2), Node::Mlp(1)}) some.erase(node);
  for (const bool within : {false, true}) {
    if (within) options_.within = WithinCircuit{some};
    NaiveEdges naive(*model_, pairs_, options_);
    const auto scorer = Create();
    const EdgeSet edges = RandomEdges(config_, 5, 0.8, within ? some : AllNodes(config_));
    for (int receiver = 0; receiver < edges.receiver_count(); receiver += 5) {
      std::vector<int> senders;
      for (int sender = 0; sender < edges.sender_count(); ++sender) {
        if (edges.Contains(receiver, sender) && senders.size() < 3) senders.push_back(sender);
      }
      for (const PathFreeze freeze : {PathFreeze::kAll, PathFreeze::kHeads}) {
        const auto scores = scorer->ScoreWithout(edges, receiver, senders, freeze);
        const auto expected = naive.ScoreWithout(edges, receiver, senders, freeze);
        ASSERT_TRUE(scores.ok()) << scores.status();
        ASSERT_EQ(scores->size(), senders.size());
        for (size_t i = 0; i < senders.size(); ++i) ExpectNear((*scores)[i], (*expected)[i]);
      }
    }
  }
}

TEST_F(PlainEdgeScorerTest, ScoresModelsInHalfPrecision) {
  Gpt2Weights weights = testing::RandomWeights(config_, 2);
  const auto narrow = [](at::Tensor& tensor) { tensor = tensor.to(at::kBFloat16); };
  for (at::Tensor* tensor : {&weights.embed, &weights.pos_embed, &weights.ln_final_weight, &weights.ln_final_bias}) {
    narrow(*tensor);
  }
  weights.unembed = weights.embed;
  for (BlockWeights& b : weights.blocks) {
    for (at::Tensor* tensor : {&b.ln1_weight, &b.ln1_bias, &b.attn_weight, &b.attn_bias, &b.o_weight, &b.o_bias,
                               &b.ln2_weight, &b.ln2_bias, &b.in_weight, &b.in_bias, &b.out_weight, &b.out_bias}) {
      narrow(*tensor);
    }
  }
  const Model half("half", config_, nullptr, std::make_unique<Gpt2>(config_, std::move(weights)), nullptr, "cpu",
                   DType::kBFloat16);
  const EdgeSet edges = RandomEdges(config_, 5, 0.8, AllNodes(config_));
  for (const EdgeAblation ablation : {EdgeAblation::kResample, EdgeAblation::kMean, EdgeAblation::kZero}) {
    options_.ablation = ablation;
    const auto wide = Create();
    // The scorer for jobs is this one then.
    for (const auto create : {NewPlainEdgeScorer, NewEdgeScorer}) {
      const auto scorer = create(half, pairs_, options_, checkpoint_);
      ASSERT_TRUE(scorer.ok()) << scorer.status();
      EXPECT_NEAR(*(*scorer)->Score(edges), *wide->Score(edges), 0.1);
      EXPECT_NEAR((*(*scorer)->ScoreWithout(edges, 3, {0}, PathFreeze::kAll))[0],
                  (*wide->ScoreWithout(edges, 3, {0}, PathFreeze::kAll))[0], 0.1);
    }
  }
}

TEST_F(PlainEdgeScorerTest, StopsWhenTheCheckpointSaysSo) {
  const auto scorer = Create();
  checkpoint_ = [] { return absl::CancelledError("enough"); };
  EXPECT_EQ(scorer->Score(EdgeSet::All(config_)).status(), absl::CancelledError("enough"));
  EXPECT_EQ(NewPlainEdgeScorer(*model_, pairs_, options_, checkpoint_).status(), absl::CancelledError("enough"));
}

TEST_F(PlainEdgeScorerTest, RunsAsManyPromptsSideBySideAsItSays) {
  for (const int64_t budget : {int64_t{1}, int64_t{1} << 18, int64_t{1} << 30}) {
    options_.memory_budget_bytes = budget;
    const EdgeRunCost cost = EstimateEdgeRun(*model_, pairs_, options_);
    int checkpoints = 0;
    const auto scorer = Create();
    checkpoint_ = [&] {
      ++checkpoints;
      return absl::OkStatus();
    };
    ASSERT_TRUE(scorer->Score(EdgeSet::All(config_)).ok());
    checkpoint_ = nullptr;
    const int64_t prompts = pairs_.size();
    const int64_t micro_batches = (prompts + cost.micro_batch_prompts - 1) / cost.micro_batch_prompts;
    // Before each micro-batch, and before its run on the corrupted prompts.
    EXPECT_EQ(checkpoints, 2 * micro_batches);
    EXPECT_GT(cost.flops, 0);
    EXPECT_TRUE(budget == 1 || cost.memory_bytes <= budget) << cost.memory_bytes;
    // Nothing that a broken record could say makes it fail.
    options_.micro_batch_prompts = -3;
    EXPECT_EQ(EstimateEdgeRun(*model_, pairs_, options_).micro_batch_prompts, 1);
    options_.micro_batch_prompts = std::nullopt;
  }
}

}  // namespace
}  // namespace circuitd
