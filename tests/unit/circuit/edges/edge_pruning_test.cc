// Edge pruning against path patching written out inside the ablated circuit.
#include "server/circuit/edges/edge_pruning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "server/graph/edge_order.h"
#include "tests/unit/circuit/edges/edge_run.h"
#include "tests/unit/circuit/edges/naive_edges.h"
#include "tests/unit/patching/pair_prompts.h"

namespace circuitd {
namespace {

using testing::Decide;
using testing::Decided;
using testing::NaiveEdges;
using testing::RememberingEdgeScorer;
using testing::TinyModel;

class EdgePruningTest : public ::testing::Test {
 protected:
  EdgePruningTest() {
    options_.nodes = AllNodes(model_->config());
    for (const Node& node : {Node::Head(0, 2), Node::Mlp(1), Node::Head(1, 1), Node::Head(2, 0), Node::Head(2, 3)}) {
      options_.nodes.erase(node);
    }
    // The model tells the answers apart.
    if (NaiveEdges(*model_, pairs_, {}).model_metric() < 0) {
      for (PromptPair& pair : pairs_) std::swap(pair.correct, pair.incorrect);
    }
  }

  EdgeScorerOptions Runs() const {
    EdgeScorerOptions runs;
    runs.within = WithinCircuit{options_.nodes, options_.means};
    return runs;
  }

  Decided Whole() {
    return Decide([&](const EdgeCallbacks& callbacks) { return PruneEdges(*model_, pairs_, options_, callbacks); });
  }

  void ExpectNaive(const Decided& decided) {
    ASSERT_TRUE(decided.result.ok()) << decided.result.status();
    const ModelConfig& config = model_->config();
    NaiveEdges naive(*model_, pairs_, Runs());
    const EdgeSet all = EdgeSet::LeavingOnly(config, options_.nodes);
    EdgeSet kept(config), circuit = all, empty = all;
    const std::vector<Edge> order = EdgePruningOrder(config, options_.nodes);
    ASSERT_EQ(decided.decisions.size(), order.size());
    size_t removed = 0;
    for (size_t i = 0; i < order.size(); ++i) {
      const EdgeDecision& decision = decided.decisions[i];
      ASSERT_EQ(EdgeName(decision.edge), EdgeName(order[i]));
      const int sender = SenderRank(config, order[i].sender), receiver = ReceiverRank(config, order[i].receiver);
      const double metric = (*naive.ScoreWithout(all, receiver, {sender}, options_.freeze))[0];
      const double quotient = metric / naive.model_metric();
      EXPECT_NEAR(decision.metric, metric, 2e-5);
      EXPECT_NEAR(decision.criterion, quotient, 2e-5 * (1 + std::abs(quotient)));
      ASSERT_GT(std::abs(quotient - options_.threshold), 1e-5);
      ASSERT_EQ(decision.removed, quotient >= options_.threshold);
      removed += decision.removed;
      EXPECT_EQ(decision.index, static_cast<int64_t>(i));
      EXPECT_EQ(decision.edges_kept, static_cast<int64_t>(order.size() - removed));
      EXPECT_EQ(decision.candidates_left, static_cast<int64_t>(order.size() - i - 1));
      if (!decision.removed) kept.Set(order[i], true);
      if (decision.removed) circuit.Set(order[i], false);
      empty.Set(order[i], false);
    }
    EXPECT_GT(removed, 0U);
    EXPECT_LT(removed, order.size());
    const EdgeCircuitResult& result = *decided.result;
    EXPECT_EQ(result.decision_count, static_cast<int64_t>(order.size()));
    kept = WithoutDangling(std::move(kept), false);
    for (const Edge& edge : EdgeSet::Among(config, kept.Nodes()).Edges()) {
      if (edge.sender == Node::Embed()) kept.Set(edge, true);
    }
    EXPECT_THAT(result.edges.Edges(), ::testing::ElementsAreArray(kept.Edges()));
    EXPECT_NEAR(result.circuit_metric, *naive.Score(circuit), 2e-5);
    EXPECT_NEAR(result.empty_metric, *naive.Score(empty), 2e-5);
    EXPECT_NEAR(result.model_metric, naive.model_metric(), 1e-5);
    // Nodes are those with a way to the logits.
    for (const Node& node : AllNodes(config)) {
      bool leads_on = false;
      for (const Edge& edge : result.edges.Edges()) leads_on |= edge.sender == node;
      EXPECT_EQ(result.nodes.contains(node), leads_on) << NodeName(node);
    }
  }

  const std::unique_ptr<Model> model_ = TinyModel(4);
  PromptPairs pairs_ = testing::ShortPairs();
  EdgePruningOptions options_;
};

TEST_F(EdgePruningTest, TriesAllEdgesBetweenNodesAndLogitsFromTheLogitsDown) {
  const std::vector<Edge> order = EdgePruningOrder(
      model_->config(), {Node::Head(0, 1), Node::Mlp(0), Node::Head(1, 0), Node::Head(1, 2), Node::Mlp(2)});
  std::vector<std::string> names;
  for (const Edge& edge : order) names.push_back(EdgeName(edge));
  EXPECT_THAT(names, ::testing::ElementsAre(
                         "A0.1->logits", "M0->logits", "A1.0->logits", "A1.2->logits", "M2->logits",  //
                         "A0.1->M2", "M0->M2", "A1.0->M2", "A1.2->M2",                                //
                         "A0.1->A1.2.v", "M0->A1.2.v", "A0.1->A1.2.k", "M0->A1.2.k", "A0.1->A1.2.q", "M0->A1.2.q",
                         "A0.1->A1.0.v", "M0->A1.0.v", "A0.1->A1.0.k", "M0->A1.0.k", "A0.1->A1.0.q", "M0->A1.0.q",  //
                         "A0.1->M0"));
}

TEST_F(EdgePruningTest, DecidesAsPathPatchingInsideTheCircuitDoes) {
  for (const PathFreeze freeze : {PathFreeze::kAll, PathFreeze::kHeads}) {
    for (const MlpMeans means : {MlpMeans::kSeqcont, MlpMeans::kClean}) {
      options_.freeze = freeze;
      options_.means = means;
      // In the midst of the quotients.
      EdgeScorerOptions runs = Runs();
      NaiveEdges naive(*model_, pairs_, runs);
      options_.threshold =
          *naive.Score(EdgeSet::LeavingOnly(model_->config(), options_.nodes)) / naive.model_metric() - 1e-3;
      ExpectNaive(Whole());
    }
  }
}

TEST_F(EdgePruningTest, EndsTheSameWhereverItWasBrokenOff) {
  RememberingEdgeScorer scorer(*NewPlainEdgeScorer(*model_, pairs_, Runs(), nullptr));
  options_.threshold =
      *scorer.Score(EdgeSet::LeavingOnly(model_->config(), options_.nodes)) / scorer.model_metric() - 1e-3;
  const auto run = [&](const EdgeCallbacks& callbacks, absl::Span<const EdgeDecision> made = {}) {
    return PruneEdgesWithScorer(scorer, model_->config(), options_, callbacks, made);
  };
  const Decided whole = Decide([&](const EdgeCallbacks& callbacks) { return run(callbacks); });
  testing::ExpectSameFromEachDecision(whole, run);
  testing::ExpectDataLossWhereMadeIsAmiss(whole, run);
}

TEST_F(EdgePruningTest, GoesOnToTheSameNumbersWhereverItWasBrokenOff) {
  const auto run = [&](const EdgeCallbacks& callbacks, absl::Span<const EdgeDecision> made = {}) {
    return PruneEdges(*model_, pairs_, options_, callbacks, made);
  };
  for (const PathFreeze freeze : {PathFreeze::kAll, PathFreeze::kHeads}) {
    options_.freeze = freeze;
    testing::ExpectSameFromEachDecision(Decide([&](const EdgeCallbacks& callbacks) { return run(callbacks); }), run, 3);
  }
}

TEST_F(EdgePruningTest, NeedsAModelThatTellsTheAnswersApart) {
  for (PromptPair& pair : pairs_) std::swap(pair.correct, pair.incorrect);
  EXPECT_TRUE(absl::IsFailedPrecondition(Whole().result.status()));
}

TEST_F(EdgePruningTest, StopsWhenTheCheckpointSaysSo) {
  int left = 20;
  EdgeCallbacks callbacks;
  callbacks.checkpoint = [&] { return --left > 0 ? absl::OkStatus() : absl::CancelledError("enough"); };
  EXPECT_TRUE(absl::IsCancelled(PruneEdges(*model_, pairs_, options_, callbacks).status()));
}

}  // namespace
}  // namespace circuitd
