// ACDC's decisions against a plain loop over whole edge-masked runs.
#include "server/circuit/edges/acdc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "server/graph/edge_order.h"
#include "tests/unit/circuit/edges/edge_run.h"
#include "tests/unit/circuit/edges/naive_edges.h"
#include "tests/unit/patching/pair_prompts.h"

namespace circuitd {
namespace {

using testing::Decide;
using testing::Decided;
using testing::MixedPairs;
using testing::NaiveEdges;
using testing::RememberingEdgeScorer;
using testing::TinyModel;

// Whether an edge into `node` can matter: by walking up.
bool ReachesLogits(const EdgeSet& edges, const Node& node) {
  if (node == Node::Logits()) return true;
  for (const Edge& edge : edges.Edges()) {
    Node next = edge.receiver;
    next.input = Node::Input::kNone;
    if (edge.sender == node && ReachesLogits(edges, next)) return true;
  }
  return false;
}

class AcdcTest : public ::testing::Test {
 protected:
  absl::StatusOr<EdgeCircuitResult> Run(const EdgeCallbacks& callbacks, absl::Span<const EdgeDecision> made = {}) {
    return RunAcdc(*model_, pairs_, options_, callbacks, made);
  }

  Decided Whole() {
    return Decide([&](const EdgeCallbacks& callbacks) { return Run(callbacks); });
  }

  // The same by runs written out, edge by edge.
  void ExpectNaive(const Decided& decided, EdgeSet edges) {
    NaiveEdges naive(*model_, pairs_, options_.runs);
    const Metric metric = options_.runs.metric;
    const bool falls = metric == Metric::kLogitDiff || metric == Metric::kProbDiff || metric == Metric::kAccuracy;
    const double sign = falls ? -1 : 1;
    double baseline = sign * *naive.Score(edges);
    ASSERT_TRUE(decided.result.ok()) << decided.result.status();
    size_t next = 0;
    int dead = 0, close = 0;
    for (const Edge& edge : AcdcOrder(model_->config())) {
      if (!edges.Contains(edge)) continue;
      ASSERT_LT(next, decided.decisions.size());
      const EdgeDecision& decision = decided.decisions[next];
      EXPECT_EQ(decision.index, static_cast<int64_t>(next));
      ASSERT_EQ(EdgeName(decision.edge), EdgeName(edge));
      EdgeSet without = edges;
      without.Set(edge, false);
      const double loss = sign * *naive.Score(without);
      EXPECT_NEAR(decision.metric, sign * loss, 2e-5);
      EXPECT_NEAR(decision.criterion, loss - baseline, 3e-5);
      Node node = edge.receiver;
      node.input = Node::Input::kNone;
      if (!ReachesLogits(edges, node)) {
        ++dead;
        EXPECT_EQ(decision.criterion, 0);
      }
      const double above = loss - baseline - options_.threshold;
      bool removed = above < 0;
      if (std::abs(above) < 1e-5) {
        ++close;  // rounding may decide
        removed = decision.removed;
      }
      ASSERT_EQ(decision.removed, removed) << EdgeName(edge) << " " << loss - baseline;
      if (removed) {
        edges = without;
        baseline = loss;
      }
      EXPECT_EQ(decision.edges_kept, edges.size());
      ++next;
      EXPECT_EQ(decision.candidates_left, static_cast<int64_t>(decided.decisions.size() - next));
    }
    EXPECT_EQ(next, decided.decisions.size());
    EXPECT_GT(dead, 0);
    EXPECT_LE(close, 2);
    const EdgeCircuitResult& result = *decided.result;
    EXPECT_EQ(result.edges, edges);
    EXPECT_EQ(result.nodes, edges.Nodes());
    EXPECT_EQ(result.decision_count, static_cast<int64_t>(next));
    EXPECT_NEAR(result.circuit_metric, *naive.Score(edges), 2e-5);
    EXPECT_NEAR(result.empty_metric, *naive.Score(EdgeSet(model_->config())), 2e-5);
    EXPECT_NEAR(result.model_metric, naive.model_metric(), 1e-5);
  }

  const std::unique_ptr<Model> model_ = TinyModel(4);
  PromptPairs pairs_ = testing::ShortPairs();
  AcdcOptions options_;
};

TEST_F(AcdcTest, TriesEachEdgeOnceAfterAllThatReadItsReceiver) {
  const ModelConfig& config = model_->config();
  const std::vector<Edge> order = AcdcOrder(config);
  EXPECT_EQ(static_cast<int64_t>(order.size()), EdgeCount(config));
  std::set<Node> decided;
  std::set<Edge> seen;
  for (const Edge& edge : order) {
    EXPECT_TRUE(seen.insert(edge).second);
    Node node = edge.receiver;
    node.input = Node::Input::kNone;
    decided.insert(node);
    EXPECT_FALSE(decided.contains(edge.sender)) << EdgeName(edge);
  }
  EXPECT_EQ(EdgeName(order[0]), "M2->logits");
  EXPECT_EQ(EdgeName(order[1]), "A2.3->logits");
  EXPECT_EQ(EdgeName(order[15]), "embed->logits");
  EXPECT_EQ(EdgeName(order[16]), "A2.3->M2");
  EXPECT_EQ(EdgeName(order[31]), "M1->A2.3.v");
  EXPECT_EQ(EdgeName(order.back()), "embed->A0.0.q");
}

TEST_F(AcdcTest, DecidesAsAPlainLoopDoes) {
  for (const Metric metric : {Metric::kKlDiv, Metric::kLogitDiff, Metric::kProbDiff, Metric::kNll}) {
    SCOPED_TRACE(static_cast<int>(metric));
    options_.runs.metric = metric;
    for (const double threshold : {0.00203, 0.0313}) {
      options_.threshold = threshold;
      const Decided decided = Whole();
      ExpectNaive(decided, EdgeSet::All(model_->config()));
      EXPECT_TRUE(metric != Metric::kKlDiv || decided.result->edges.size() > 0);
    }
  }
}

TEST_F(AcdcTest, DecidesAsAPlainLoopDoesOverOtherAblations) {
  pairs_ = MixedPairs();
  options_.threshold = 0.0317;
  options_.runs.ablation = EdgeAblation::kMean;
  ExpectNaive(Whole(), EdgeSet::All(model_->config()));
  options_.runs.ablation = EdgeAblation::kZero;
  ExpectNaive(Whole(), EdgeSet::All(model_->config()));
  options_.runs.ablation = EdgeAblation::kResample;
  NodeSet nodes = AllNodes(model_->config());
  for (const Node& node : {Node::Head(0, 2), Node::Mlp(1), Node::Head(2, 0)}) nodes.erase(node);
  options_.runs.within = WithinCircuit{nodes};
  ExpectNaive(Whole(), EdgeSet::Among(model_->config(), nodes));
}

TEST_F(AcdcTest, KeepsAllEdgesThatChangeNothingWithAThresholdOfZero) {
  pairs_ = {{{1, 2, 3}, {1, 2, 3}, {1}, {2}, {}}};
  options_.threshold = 0;
  options_.runs.metric = Metric::kAccuracy;
  const Decided decided = Whole();
  ASSERT_TRUE(decided.result.ok());
  EXPECT_EQ(decided.result->edges, EdgeSet::All(model_->config()));
  options_.threshold = 1e-9;
  EXPECT_EQ(Whole().result->edges.size(), 0);
}

TEST_F(AcdcTest, EndsTheSameWhereverItWasBrokenOff) {
  options_.threshold = 0.0313;
  RememberingEdgeScorer scorer(*NewPlainEdgeScorer(*model_, pairs_, options_.runs, nullptr));
  const auto run = [&](const EdgeCallbacks& callbacks, absl::Span<const EdgeDecision> made = {}) {
    return RunAcdcWithScorer(scorer, model_->config(), options_, callbacks, made);
  };
  const Decided whole = Decide([&](const EdgeCallbacks& callbacks) { return run(callbacks); });
  int not_run = 0;
  for (const EdgeDecision& decision : whole.decisions) not_run += decision.criterion == 0;
  EXPECT_GT(not_run, 0);
  testing::ExpectSameFromEachDecision(whole, run);
  testing::ExpectDataLossWhereMadeIsAmiss(whole, run);
}

TEST_F(AcdcTest, GoesOnToTheSameNumbersWhereverItWasBrokenOff) {
  pairs_ = MixedPairs();
  options_.threshold = 0.0313;
  const auto run = [&](const EdgeCallbacks& callbacks, absl::Span<const EdgeDecision> made = {}) {
    return Run(callbacks, made);
  };
  // All prompts at once, or micro-batches that all keep a run, or some, or none.
  const std::vector<std::pair<int64_t, int64_t>> budgets_and_prompts = {
      {1 << 30, 8}, {1 << 30, 2}, {1 << 21, 2}, {1, 1}};
  for (const auto& [budget, prompts] : budgets_and_prompts) {
    SCOPED_TRACE(::testing::Message() << budget << " bytes, " << prompts << " prompts");
    options_.runs.memory_budget_bytes = budget;
    options_.runs.micro_batch_prompts = prompts;
    testing::ExpectSameFromEachDecision(Whole(), run, 41);
  }
}

TEST_F(AcdcTest, StopsWhenTheCheckpointSaysSo) {
  int left = 100;
  EdgeCallbacks callbacks;
  callbacks.checkpoint = [&] { return --left > 0 ? absl::OkStatus() : absl::CancelledError("enough"); };
  const absl::Status status = Run(callbacks).status();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("enough"));
}

}  // namespace
}  // namespace circuitd
