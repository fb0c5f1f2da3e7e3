// The order and the rules of pruning's sweeps, over a scorer whose scores are known.
#include "server/circuit/node_sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ModelConfig TwoByTwo() {
  ModelConfig config;
  config.n_layers = 2;
  config.n_heads = 2;
  return config;
}

// A node that is out costs its points, `pair_cost` when both of the heads of layer 0 are out.
class TableScorer : public NodeScorer {
 public:
  explicit TableScorer(std::map<std::string, double> costs, double pair_cost = 0)
      : costs_(std::move(costs)), pair_cost_(pair_cost) {}
  double full_logit_diff() const override { return 3.5; }
  absl::StatusOr<double> Score(const NodeSet& circuit) override {
    ++asked_;
    double score = 100;
    for (const Node& node : AllNodes(TwoByTwo())) {
      if (!circuit.contains(node)) score -= costs_[NodeName(node)];
    }
    if (!circuit.contains(Node::Head(0, 0)) && !circuit.contains(Node::Head(0, 1))) score -= pair_cost_;
    if (fail_without_.has_value() && !circuit.contains(*fail_without_)) return absl::CancelledError("stop");
    return score;
  }
  std::optional<Node> fail_without_;
  int asked_ = 0;

 private:
  std::map<std::string, double> costs_;
  double pair_cost_;
};

struct Pruned {
  absl::StatusOr<NodePruningResult> result;
  std::vector<PruningDecision> decisions;
  std::vector<std::string> names;
};

Pruned Prune(TableScorer& scorer, double threshold, std::optional<int> max_iterations = std::nullopt,
             absl::Span<const PruningDecision> made = {}) {
  Pruned run{absl::UnknownError(""), {}, {}};
  NodePruningOptions options;
  options.threshold = threshold;
  options.max_iterations = max_iterations;
  run.result = PruneWithScorer(
      scorer, TwoByTwo(), options,
      [&](const PruningDecision& decision) {
        run.decisions.push_back(decision);
        run.names.push_back(NodeName(decision.node) + (decision.removed ? "-" : "+"));
      },
      made);
  return run;
}

TEST(NodeSweepTest, GoesBackwardMlpFirstAndForwardHeadsFirst) {
  TableScorer scorer({{"M1", 50}, {"A1.0", 50}, {"A1.1", 1}, {"M0", 50}, {"A0.0", 50}, {"A0.1", 50}});
  const Pruned run = Prune(scorer, 20);
  ASSERT_TRUE(run.result.ok());
  EXPECT_THAT(run.names, ElementsAre("M1+", "A1.0+", "A1.1-", "M0+", "A0.0+", "A0.1+",  //
                                     "A0.0+", "A0.1+", "M0+", "A1.0+", "M1+"));
  EXPECT_TRUE(run.result->converged);
  EXPECT_DOUBLE_EQ(run.result->score, 99);
  EXPECT_DOUBLE_EQ(run.result->full_logit_diff, 3.5);
  EXPECT_EQ(run.result->decision_count, 11);
}

TEST(NodeSweepTest, RemovesOnlyStrictlyUnderTheThreshold) {
  TableScorer scorer({{"M1", 20}, {"A1.0", 19.5}, {"A1.1", 50}, {"M0", 50}, {"A0.0", 50}, {"A0.1", 50}});
  const Pruned run = Prune(scorer, 20);
  ASSERT_TRUE(run.result.ok());
  EXPECT_EQ(run.names[0], "M1+");
  EXPECT_EQ(run.names[1], "A1.0-");
}

TEST(NodeSweepTest, StopsAfterASweepThatRemovesNothing) {
  TableScorer scorer({{"M1", 50}, {"A1.0", 50}, {"A1.1", 50}, {"M0", 50}, {"A0.0", 50}, {"A0.1", 50}});
  const Pruned run = Prune(scorer, 20);
  ASSERT_TRUE(run.result.ok());
  EXPECT_EQ(run.decisions.size(), 6);
  EXPECT_TRUE(run.result->converged);
  EXPECT_DOUBLE_EQ(run.result->score, 100);
}

TEST(NodeSweepTest, StopsAtMaxIterations) {
  // Each sweep removes something, so that without a limit it would go on.
  TableScorer scorer({{"M1", 1}, {"A1.0", 50}, {"A1.1", 50}, {"M0", 50}, {"A0.0", 50}, {"A0.1", 50}});
  const Pruned run = Prune(scorer, 20, 1);
  ASSERT_TRUE(run.result.ok());
  EXPECT_EQ(run.decisions.back().iteration, 0);
  EXPECT_EQ(run.decisions.back().direction, SweepDirection::kForward);
}

TEST(NodeSweepTest, ScoresACandidateTogetherWithAllThatAreOut) {
  TableScorer scorer({{"M1", 50}, {"A1.0", 50}, {"A1.1", 50}, {"M0", 50}}, /*pair_cost=*/30);
  const Pruned run = Prune(scorer, 20);
  ASSERT_TRUE(run.result.ok());
  EXPECT_TRUE(run.result->circuit.contains(Node::Head(0, 1)));
  EXPECT_FALSE(run.result->circuit.contains(Node::Head(0, 0)));
}

TEST(NodeSweepTest, CountsWhatIsKeptAndLeft) {
  TableScorer scorer({{"M1", 1}, {"A1.0", 50}, {"A1.1", 50}, {"M0", 50}, {"A0.0", 50}, {"A0.1", 50}});
  const Pruned run = Prune(scorer, 20);
  EXPECT_EQ(run.decisions[0].mlps_kept, 1);
  EXPECT_EQ(run.decisions[0].heads_kept, 4);
  EXPECT_EQ(run.decisions[0].candidates_left, 5 + 5);
  for (size_t i = 0; i < run.decisions.size(); ++i) EXPECT_EQ(run.decisions[i].index, static_cast<int64_t>(i));
  EXPECT_EQ(run.decisions.back().candidates_left, 0);
}

TEST(NodeSweepTest, PassesOnTheScorersErrorAndNamesTheNode) {
  TableScorer scorer({});
  scorer.fail_without_ = Node::Head(1, 1);
  const Pruned run = Prune(scorer, 20);
  EXPECT_EQ(run.result.status().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(std::string(run.result.status().message()), HasSubstr("A1.1"));
  EXPECT_EQ(run.decisions.size(), 2);
}

class MadeDecisionsTest : public ::testing::Test {
 protected:
  // Of a pruning to convergence: M1+ A1.0+ A1.1- M0+ A0.0+ A0.1+ A0.0+ A0.1+ M0+ A1.0+ M1+.
  MadeDecisionsTest() : made_(Prune(scorer_, 20).decisions) { scorer_.asked_ = 0; }

  void ExpectLost(const std::string& message) {
    const Pruned run = Prune(scorer_, 20, std::nullopt, made_);
    EXPECT_EQ(run.result.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(run.result.status().message()), HasSubstr(message));
    EXPECT_THAT(run.names, ElementsAre());
    EXPECT_EQ(scorer_.asked_, 0);
  }

  TableScorer scorer_{{{"M1", 50}, {"A1.0", 50}, {"A1.1", 1}, {"M0", 50}, {"A0.0", 50}, {"A0.1", 50}}};
  std::vector<PruningDecision> made_;
};

TEST_F(MadeDecisionsTest, StandAndAreNotScoredAgain) {
  for (size_t cut = 0; cut <= made_.size(); ++cut) {
    scorer_.asked_ = 0;
    const Pruned run = Prune(scorer_, 20, std::nullopt, absl::MakeConstSpan(made_).first(cut));
    ASSERT_TRUE(run.result.ok()) << run.result.status();
    EXPECT_EQ(scorer_.asked_, static_cast<int>(made_.size() - cut));
    ASSERT_EQ(run.decisions.size(), made_.size() - cut);
    for (size_t i = cut; i < made_.size(); ++i) {
      const PruningDecision& decision = run.decisions[i - cut];
      EXPECT_EQ(decision.index, static_cast<int64_t>(i));
      EXPECT_EQ(decision.node, made_[i].node);
      EXPECT_EQ(decision.candidates_left, made_[i].candidates_left);
    }
    EXPECT_EQ(run.result->decision_count, static_cast<int64_t>(made_.size()));
    EXPECT_DOUBLE_EQ(run.result->score, 99);
    EXPECT_TRUE(run.result->converged);
  }
}

// What an earlier run decided is what counts, even where a score has another last bit now.
TEST_F(MadeDecisionsTest, CountWithTheirOwnScores) {
  made_.resize(3);
  made_[2].score = 98.5;
  const Pruned run = Prune(scorer_, 20, 1, made_);
  ASSERT_TRUE(run.result.ok()) << run.result.status();
  EXPECT_EQ(run.result->score, 98.5);
  EXPECT_FALSE(run.result->circuit.contains(Node::Head(1, 1)));
}

TEST_F(MadeDecisionsTest, AreRefusedWhereTheyAreOfAnotherNode) {
  made_[1].node = Node::Head(1, 1);
  ExpectLost(
      "decision 1 of an earlier run is of A1.1 in the backward sweep of iteration 0, this pruning's is of A1.0 in "
      "the backward sweep of iteration 0");
  made_[1].node = Node::Head(1'000'000, -5);
  ExpectLost("is of A1000000.-5 in");
  made_[1].node = {Node::Kind::kHead, -1, 0};
  ExpectLost("is of A-1.0 in");
}

TEST_F(MadeDecisionsTest, AreRefusedWhereTheyAreOfAnotherSweep) {
  made_[6].direction = SweepDirection::kBackward;
  ExpectLost("decision 6 of an earlier run is of A0.0 in the backward sweep");
  made_[6].direction = SweepDirection::kForward;
  made_[6].iteration = 1;
  ExpectLost("decision 6 of an earlier run is of A0.0 in the forward sweep of iteration 1");
}

TEST_F(MadeDecisionsTest, AreRefusedWhereTheThresholdSaysOtherwise) {
  made_[2].removed = false;
  ExpectLost(
      "decision 2 of an earlier run, of A1.1 in the backward sweep of iteration 0, has the score 99 and kept the "
      "node, with the threshold 20");
  made_[2].removed = true;
  made_[0].removed = true;
  ExpectLost("decision 0 of an earlier run, of M1 in the backward sweep of iteration 0, has the score 50 and removed");
}

TEST_F(MadeDecisionsTest, AreRefusedWithScoresThatAreNoNumbers) {
  for (const double score : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    made_[3].score = score;
    ExpectLost("decision 3 of an earlier run has the score ");
  }
}

TEST_F(MadeDecisionsTest, AreRefusedWhereOneIsMissing) {
  made_.erase(made_.begin() + 2);
  ExpectLost("decision 2 of an earlier run has the index 3");
}

TEST_F(MadeDecisionsTest, AreRefusedWhereThereAreMoreThanThePruningMakes) {
  made_.push_back(made_.back());
  ++made_.back().index;
  ExpectLost("an earlier run made 12 decisions, this pruning ends after 11");
}

}  // namespace
}  // namespace circuitd
