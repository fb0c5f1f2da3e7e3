// Scores of the plain engine, against runs written out by hand.
#include "server/circuit/plain_node_scorer.h"

#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;
using testing::TinyModel;

// Prompts of two lengths. The answers are swapped where needed to make the unablated logit difference positive.
PromptPairs Pairs(const Model& model) {
  PromptPairs pairs = {{{1, 2, 3, 4}, {5, 2, 6, 4}, {7}, {8}, {}},
                       {{9, 10, 3, 4, 11, 2}, {5, 12, 6, 13, 4, 1}, {7, 9}, {8}, {}},
                       {{14, 2, 15, 4}, {5, 16, 17, 4}, {18}, {19}, {}}};
  Checkpoint none;
  if (!PlainNodeScorer::Create(model.network(), pairs, {}, none).ok()) {
    for (PromptPair& pair : pairs) std::swap(pair.correct, pair.incorrect);
  }
  return pairs;
}

class PlainNodeScorerTest : public ::testing::Test {
 protected:
  std::unique_ptr<PlainNodeScorer> Create(MlpMeans means, int64_t budget = 1 << 30) {
    NodePruningOptions options;
    options.means = means;
    options.memory_budget_bytes = budget;
    auto scorer = PlainNodeScorer::Create(model_->network(), pairs_, options, checkpoint_);
    EXPECT_TRUE(scorer.ok()) << scorer.status();
    return std::move(scorer).value();
  }

  NodeSet Without(std::initializer_list<Node> out) const {
    NodeSet nodes = AllNodes(model_->config());
    for (const Node& node : out) nodes.erase(node);
    return nodes;
  }

  std::unique_ptr<Model> model_ = TinyModel(3);
  PromptPairs pairs_ = Pairs(*model_);
  Checkpoint checkpoint_;
};

TEST_F(PlainNodeScorerTest, ScoresTheWholeModelWithOneHundred) {
  EXPECT_NEAR(*Create(MlpMeans::kSeqcont)->Score(AllNodes(model_->config())), 100, 1e-9);
}

// The mean of one activation of the corrupted prompts, position by position, prompt by prompt.
class OnePromptHooks : public Hooks {
 public:
  std::function<void(HookPoint, at::Tensor&)> visit;
  bool Wants(HookPoint point) const override { return point.kind == HookKind::kZ || point.kind == HookKind::kMlpOut; }
  void Visit(HookPoint point, at::Tensor& value) override { visit(point, value); }
};

TEST_F(PlainNodeScorerTest, AgreesWithRunsOfOnePromptEach) {
  c10::InferenceMode guard;
  const Gpt2& network = model_->network();
  const auto mean_of = [&](HookPoint wanted, const std::function<void(HookPoint, at::Tensor&)>& before) {
    std::vector<at::Tensor> sum(6);
    std::vector<int> count(6);
    for (const PromptPair& pair : pairs_) {
      OnePromptHooks hooks;
      hooks.visit = [&](HookPoint point, at::Tensor& value) {
        before(point, value);
        if (!(point == wanted)) return;
        for (int64_t pos = 0; pos < value.size(1); ++pos) {
          sum[pos] = count[pos]++ == 0 ? value[0][pos] : sum[pos] + value[0][pos];
        }
      };
      network.RunLayers(network.Embed(at::tensor(at::ArrayRef<int>(pair.corrupted), at::kLong).unsqueeze(0)), 0, 3,
                        &hooks);
    }
    for (int pos = 0; pos < 6; ++pos) sum[pos] = sum[pos] / count[pos];
    return at::stack(sum);
  };
  const at::Tensor z = mean_of({HookKind::kZ, 1}, [](HookPoint, at::Tensor&) {});
  const auto ablate_head = [&](HookPoint point, at::Tensor& value) {
    if (!(point == HookPoint{HookKind::kZ, 1})) return;
    value = value.clone();
    value.select(2, 2).copy_(z.select(1, 2).narrow(0, 0, value.size(1)).unsqueeze(0));
  };
  for (const MlpMeans means : {MlpMeans::kSeqcont, MlpMeans::kClean}) {
    const at::Tensor mlp_out = means == MlpMeans::kSeqcont
                                   ? mean_of({HookKind::kMlpOut, 2}, ablate_head)
                                   : mean_of({HookKind::kMlpOut, 2}, [](HookPoint, at::Tensor&) {});
    double full = 0, ablated = 0;
    for (const PromptPair& pair : pairs_) {
      OnePromptHooks hooks;
      hooks.visit = [&](HookPoint point, at::Tensor& value) {
        ablate_head(point, value);
        if (point == HookPoint{HookKind::kMlpOut, 2}) value = mlp_out.narrow(0, 0, value.size(1)).unsqueeze(0);
      };
      const auto logit_diff = [&](Hooks* hook) {
        const at::Tensor tokens = at::tensor(at::ArrayRef<int>(pair.clean), at::kLong).unsqueeze(0);
        const at::Tensor last = network.Unembed(network.RunLayers(network.Embed(tokens), 0, 3, hook))[0][-1];
        const auto mean = [&](const std::vector<int>& ids) {
          double sum = 0;
          for (int id : ids) sum += last[id].item<double>();
          return sum / static_cast<double>(ids.size());
        };
        return mean(pair.correct) - mean(pair.incorrect);
      };
      full += logit_diff(nullptr);
      ablated += logit_diff(&hooks);
    }
    EXPECT_NEAR(*Create(means)->Score(Without({Node::Head(1, 2), Node::Mlp(2)})), 100 * ablated / full, 1e-3);
  }
}

TEST_F(PlainNodeScorerTest, KeepsTheTwoDefinitionsOfMeansApart) {
  const NodeSet circuit = Without({Node::Head(0, 0), Node::Head(1, 2), Node::Mlp(2)});
  EXPECT_GT(std::abs(*Create(MlpMeans::kSeqcont)->Score(circuit) - *Create(MlpMeans::kClean)->Score(circuit)), 1e-3);
}

TEST_F(PlainNodeScorerTest, ScoresTheSameInMicroBatchesOfAnySize) {
  const NodeSet circuit = Without({Node::Head(0, 1), Node::Head(2, 2), Node::Mlp(1), Node::Mlp(2)});
  for (const MlpMeans means : {MlpMeans::kSeqcont, MlpMeans::kClean}) {
    EXPECT_NEAR(*Create(means)->Score(circuit), *Create(means, 1)->Score(circuit), 1e-3);
  }
}

TEST_F(PlainNodeScorerTest, RefusesANegativeLogitDifferenceNamingIt) {
  for (PromptPair& pair : pairs_) std::swap(pair.correct, pair.incorrect);
  const auto scorer = PlainNodeScorer::Create(model_->network(), pairs_, {}, checkpoint_);
  EXPECT_EQ(scorer.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(scorer.status().message()), HasSubstr("logit difference is -"));
}

TEST_F(PlainNodeScorerTest, StopsAtTheCheckpoint) {
  int left = 3;
  NodePruningCallbacks callbacks;
  callbacks.checkpoint = [&] { return left-- > 0 ? absl::OkStatus() : absl::CancelledError("cancelled"); };
  const auto result = PruneNodes(*model_, pairs_, {}, callbacks);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(left, -1);
}

TEST_F(PlainNodeScorerTest, EstimatesNoMoreMemoryThanTheBudget) {
  NodePruningOptions options;
  options.memory_budget_bytes = 40'000;
  const PruningCost cost = EstimatePruningCost(*model_, pairs_, options);
  EXPECT_EQ(cost.candidates_per_iteration, 2 * 3 * 5);
  EXPECT_GE(cost.micro_batch_prompts, 1);
  EXPECT_LE(cost.memory_bytes, 40'000);
  EXPECT_GT(cost.flops_per_iteration, 0);
}

}  // namespace
}  // namespace circuitd
