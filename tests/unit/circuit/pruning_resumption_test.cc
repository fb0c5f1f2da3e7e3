// A pruning that is broken off after any decision and gone on with ends as it would have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "server/circuit/node_pruning.h"
#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

using testing::TinyModel;

// `count` prompts of two lengths, or of one, whose answers the model tells apart.
PromptPairs Pairs(int count, bool mixed) {
  PromptPairs pairs;
  for (int i = 0; i < count; ++i) {
    PromptPair pair{{1, 2 + i % 7, 3, 4 + i % 5}, {5, 2 + i % 3, 6, 4 + i % 5}, {1}, {8}, {}};
    if (!mixed || i % 2 == 1) {
      pair.clean.insert(pair.clean.end(), {11 + i % 4, 2});
      pair.corrupted.insert(pair.corrupted.end(), {13 + i % 6, 2});
    }
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

struct Pruned {
  NodePruningResult result;
  std::vector<PruningDecision> decisions;
  int checkpoints = 0;
};

Pruned Prune(const Model& model, const PromptPairs& pairs, const NodePruningOptions& options,
             absl::Span<const PruningDecision> made = {}) {
  Pruned run;
  NodePruningCallbacks callbacks;
  callbacks.on_decision = [&](const PruningDecision& decision) { run.decisions.push_back(decision); };
  callbacks.checkpoint = [&] {
    ++run.checkpoints;
    return absl::OkStatus();
  };
  const auto result = PruneNodes(model, pairs, options, callbacks, made);
  EXPECT_TRUE(result.ok()) << result.status();
  if (result.ok()) run.result = *result;
  return run;
}

// The circuits that decisions are about, in order.
std::vector<NodeSet> CircuitsOf(const Model& model, const std::vector<PruningDecision>& decisions) {
  std::vector<NodeSet> circuits;
  NodeSet kept = AllNodes(model.config());
  for (const PruningDecision& decision : decisions) {
    circuits.push_back(Without(kept, decision.node));
    if (decision.removed) kept = circuits.back();
  }
  return circuits;
}

using EngineAndMeans = std::tuple<PruningEngine, MlpMeans>;

class PruningResumptionTest : public ::testing::TestWithParam<EngineAndMeans> {
 protected:
  NodePruningOptions Options() const {
    NodePruningOptions options;
    std::tie(options.engine, options.means) = GetParam();
    return options;
  }

  const std::unique_ptr<Model> model_ = TinyModel(1);
};

TEST_P(PruningResumptionTest, EndsTheSameWhereverItWasBrokenOff) {
  const PromptPairs pairs = Pairs(6, /*mixed=*/true);
  NodePruningOptions options = Options();
  options.micro_batch_prompts = EstimatePruningCost(*model_, pairs, options).micro_batch_prompts;
  const Pruned whole = Prune(*model_, pairs, options);
  const std::vector<NodeSet> circuits = CircuitsOf(*model_, whole.decisions);
  ASSERT_GT(whole.decisions.size(), AllNodes(model_->config()).size());

  int met_again = 0;
  for (size_t cut = 0; cut <= whole.decisions.size(); ++cut) {
    SCOPED_TRACE(cut);
    const auto made = absl::MakeConstSpan(whole.decisions).first(cut);
    const Pruned rest = Prune(*model_, pairs, options, made);
    EXPECT_EQ(rest.result.circuit, whole.result.circuit);
    EXPECT_NEAR(rest.result.score, whole.result.score, 1e-4);
    EXPECT_EQ(rest.result.converged, whole.result.converged);
    EXPECT_EQ(rest.result.decision_count, static_cast<int64_t>(whole.decisions.size()));
    EXPECT_NEAR(rest.result.full_logit_diff, whole.result.full_logit_diff, 1e-6);

    std::map<NodeSet, double> scored;
    for (size_t i = 0; i < cut; ++i) scored[circuits[i]] = whole.decisions[i].score;
    ASSERT_EQ(rest.decisions.size(), whole.decisions.size() - cut);
    for (size_t i = cut; i < whole.decisions.size(); ++i) {
      const PruningDecision &now = rest.decisions[i - cut], &then = whole.decisions[i];
      EXPECT_EQ(now.index, then.index);
      EXPECT_EQ(NodeName(now.node), NodeName(then.node));
      EXPECT_EQ(now.removed, then.removed);
      EXPECT_EQ(now.iteration, then.iteration);
      EXPECT_EQ(now.direction, then.direction);
      EXPECT_EQ(now.heads_kept, then.heads_kept);
      EXPECT_EQ(now.mlps_kept, then.mlps_kept);
      EXPECT_EQ(now.candidates_left, then.candidates_left);
      EXPECT_NEAR(now.score, then.score, 1e-4);
      if (const auto known = scored.find(circuits[i]); known != scored.end()) {
        ++met_again;
        EXPECT_EQ(now.score, known->second);
      }
    }
  }
  EXPECT_GT(met_again, 0);
}

TEST_P(PruningResumptionTest, RunsTheRecordedMicroBatchesWithAnotherMemoryBudget) {
  for (const bool mixed : {false, true}) {
    const PromptPairs pairs = Pairs(40, mixed);
    NodePruningOptions options = Options();
    // The fast engine keeps all that it can in both.
    options.memory_budget_bytes = options.engine == PruningEngine::kFast ? 1 << 20 : 1 << 17;
    const Pruned then = Prune(*model_, pairs, options);
    const int64_t recorded = EstimatePruningCost(*model_, pairs, options).micro_batch_prompts;
    EXPECT_GT(recorded, 1);
    options.memory_budget_bytes = 1 << 30;
    EXPECT_LT(Prune(*model_, pairs, options).checkpoints, then.checkpoints);

    options.micro_batch_prompts = recorded;
    EXPECT_EQ(EstimatePruningCost(*model_, pairs, options).micro_batch_prompts, recorded);
    const Pruned now = Prune(*model_, pairs, options);
    EXPECT_EQ(now.checkpoints, then.checkpoints);
    EXPECT_EQ(now.result.full_logit_diff, then.result.full_logit_diff);
    ASSERT_EQ(now.decisions.size(), then.decisions.size());
    for (size_t i = 0; i < now.decisions.size(); ++i) EXPECT_EQ(now.decisions[i].score, then.decisions[i].score);
  }
}

TEST_P(PruningResumptionTest, RunsFewerPromptsSideBySideWhereTheRecordedOnesNoLongerFit) {
  const PromptPairs pairs = Pairs(40, /*mixed=*/false);
  NodePruningOptions options = Options();
  options.memory_budget_bytes = options.engine == PruningEngine::kFast ? 1 << 20 : 1 << 17;
  const int64_t fit = EstimatePruningCost(*model_, pairs, options).micro_batch_prompts;
  for (const int64_t recorded : {fit + 1, int64_t{40}, int64_t{1} << 62}) {
    options.micro_batch_prompts = recorded;
    EXPECT_EQ(EstimatePruningCost(*model_, pairs, options).micro_batch_prompts, fit);
  }
  // Nothing that a broken record could say makes it fail.
  options.micro_batch_prompts = -3;
  EXPECT_EQ(EstimatePruningCost(*model_, pairs, options).micro_batch_prompts, 1);
  Prune(*model_, pairs, options);
}

INSTANTIATE_TEST_SUITE_P(All, PruningResumptionTest,
                         ::testing::Combine(::testing::Values(PruningEngine::kFast, PruningEngine::kPlain),
                                            ::testing::Values(MlpMeans::kSeqcont, MlpMeans::kClean)));

}  // namespace
}  // namespace circuitd
