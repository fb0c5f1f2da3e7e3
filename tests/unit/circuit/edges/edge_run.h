// Decisions of runs that go edge by edge, and pairs for them.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "server/circuit/edges/edge_decision.h"
#include "server/circuit/edges/edge_scorer.h"

namespace circuitd::testing {

// Two lengths; the prompts of a pair differ early.
inline PromptPairs ShortPairs() {
  return {{{1, 2, 3, 4}, {5, 2, 6, 4}, {7}, {8}, {}}, {{9, 10, 3}, {9, 12, 6}, {7, 9}, {8}, {}}};
}

struct Decided {
  absl::StatusOr<EdgeCircuitResult> result = absl::UnknownError("not run");
  std::vector<EdgeDecision> decisions;
};

// `run` gets callbacks that take down the decisions.
template <typename Run>
Decided Decide(const Run& run) {
  Decided decided;
  EdgeCallbacks callbacks;
  callbacks.on_decision = [&](const EdgeDecision& decision) { decided.decisions.push_back(decision); };
  decided.result = run(callbacks);
  return decided;
}

// Runs nothing twice: for runs that are gone on with from each of their decisions.
class RememberingEdgeScorer : public EdgeScorer {
 public:
  explicit RememberingEdgeScorer(std::unique_ptr<EdgeScorer> scorer) : scorer_(std::move(scorer)) {}

  absl::StatusOr<double> Score(const EdgeSet& edges) override {
    const auto key = edges.Edges();
    if (!scores_.contains(key)) scores_.emplace(key, scorer_->Score(edges).value());
    return scores_.at(key);
  }

  absl::StatusOr<std::vector<double>> ScoreWithout(const EdgeSet& edges, int receiver, absl::Span<const int> senders,
                                                   PathFreeze freeze) override {
    std::vector<double> scores;
    for (const int sender : senders) {
      const auto key = std::make_tuple(edges.Edges(), receiver, sender, freeze);
      if (!without_.contains(key)) {
        ++runs_;
        without_.emplace(key, scorer_->ScoreWithout(edges, receiver, {sender}, freeze).value()[0]);
      }
      scores.push_back(without_.at(key));
    }
    return scores;
  }

  double model_metric() const override { return scorer_->model_metric(); }
  int runs() const { return runs_; }

 private:
  const std::unique_ptr<EdgeScorer> scorer_;
  std::map<std::vector<Edge>, double> scores_;
  std::map<std::tuple<std::vector<Edge>, int, int, PathFreeze>, double> without_;
  int runs_ = 0;  // of single edges
};

// The rest of a run after each number of its decisions, or each `step`th, ends as the whole did, to the last bit.
template <typename Run>
void ExpectSameFromEachDecision(const Decided& whole, const Run& run, size_t step = 1) {
  ASSERT_TRUE(whole.result.ok()) << whole.result.status();
  for (size_t made = 0; made <= whole.decisions.size(); made += step) {
    SCOPED_TRACE(made);
    const Decided rest = Decide([&](const EdgeCallbacks& callbacks) {
      return run(callbacks, absl::MakeConstSpan(whole.decisions).first(made));
    });
    ASSERT_TRUE(rest.result.ok()) << rest.result.status();
    ASSERT_EQ(rest.decisions.size(), whole.decisions.size() - made);
    for (size_t i = 0; i < rest.decisions.size(); ++i) {
      const EdgeDecision &now = rest.decisions[i], &then = whole.decisions[made + i];
      ASSERT_EQ(now.index, then.index);
      ASSERT_EQ(now.edge, then.edge);
      ASSERT_EQ(now.removed, then.removed);
      ASSERT_EQ(now.metric, then.metric);
      ASSERT_EQ(now.criterion, then.criterion);
      ASSERT_EQ(now.edges_kept, then.edges_kept);
      ASSERT_EQ(now.candidates_left, then.candidates_left);
    }
    EXPECT_EQ(rest.result->edges, whole.result->edges);
    EXPECT_EQ(rest.result->nodes, whole.result->nodes);
    EXPECT_EQ(rest.result->decision_count, whole.result->decision_count);
    EXPECT_EQ(rest.result->circuit_metric, whole.result->circuit_metric);
    EXPECT_EQ(rest.result->empty_metric, whole.result->empty_metric);
  }
}

// Decisions of an earlier run in which something is amiss.
template <typename Run>
void ExpectDataLossWhereMadeIsAmiss(const Decided& whole, const Run& run) {
  const std::vector<std::pair<size_t, std::function<void(EdgeDecision&)>>> changes = {
      {3, [](EdgeDecision& decision) { decision.index = 7; }},
      {4, [](EdgeDecision& decision) { decision.edge.sender = Node::Mlp(0); }},
      {2, [](EdgeDecision& decision) { decision.metric = NAN; }},
      {2, [](EdgeDecision& decision) { decision.criterion = INFINITY; }},
      {5, [](EdgeDecision& decision) { decision.removed = !decision.removed; }},
      {6, [](EdgeDecision& decision) { ++decision.edges_kept; }}};
  for (const auto& [index, change] : changes) {
    std::vector<EdgeDecision> made(whole.decisions.begin(), whole.decisions.begin() + 10);
    change(made[index]);
    const absl::Status status = run(EdgeCallbacks(), made).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_NE(status.message().find("decision " + std::to_string(index) + " "), std::string::npos) << status;
  }
  std::vector<EdgeDecision> made = whole.decisions;
  made.push_back(made.back());
  EXPECT_TRUE(absl::IsDataLoss(run(EdgeCallbacks(), made).status()));
}

}  // namespace circuitd::testing
