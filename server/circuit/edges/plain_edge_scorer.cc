// Whole edge-masked runs for each score.
#include <memory>
#include <utility>
#include <vector>

#include "base/status.h"
#include "server/circuit/edges/edge_batches.h"
#include "server/circuit/edges/edge_scorer.h"
#include "server/circuit/edges/masked_run.h"
#include "server/graph/edge_order.h"
#include "server/model/gpt2.h"

namespace circuitd {
namespace {

class PlainEdgeScorer : public EdgeScorer {
 public:
  explicit PlainEdgeScorer(std::unique_ptr<EdgeBatches> batches) : batches_(std::move(batches)) {}

  double model_metric() const override { return batches_->model_metric(); }

  absl::StatusOr<double> Score(const EdgeSet& edges) override {
    ASSIGN_OR_RETURN(const auto means, batches_->Means(1, [&](const EdgeBatch& batch) { return Run(batch, edges); }));
    return means[0];
  }

  absl::StatusOr<std::vector<double>> ScoreWithout(const EdgeSet& edges, int receiver, absl::Span<const int> senders,
                                                   PathFreeze freeze) override {
    std::vector<double> scores;
    for (const int sender : senders) {
      if (freeze == PathFreeze::kAll) {
        EdgeSet others = edges;
        others.Set(receiver, sender, false);
        ASSIGN_OR_RETURN(scores.emplace_back(), Score(others));
      } else {
        ASSIGN_OR_RETURN(const auto means, batches_->Means(1, [&](const EdgeBatch& batch) {
          return RunWithPath(batch, edges, receiver, sender);
        }));
        scores.push_back(means[0]);
      }
    }
    return scores;
  }

 private:
  absl::StatusOr<std::vector<double>> Run(const EdgeBatch& batch, const EdgeSet& edges,
                                          const InputChange* change = nullptr) const {
    const MaskedRun run = RunMasked(batch.setting, edges, change);
    ASSIGN_OR_RETURN(const double sum, batches_->MetricSum(batch, run.residual));
    return std::vector<double>{sum};
  }

  // The run in which `receiver` reads what `sender`'s outside value makes of the MLPs between them.
  absl::StatusOr<std::vector<double>> RunWithPath(const EdgeBatch& batch, const EdgeSet& edges, int receiver,
                                                  int sender) const {
    const ModelConfig& config = batches_->network().config();
    const MaskedRun base = RunMasked(batch.setting, edges);
    const int end = SendersBelow(config, ReceiverOfRank(config, receiver));
    at::Tensor passed = at::zeros_like(base.changes);  // what each sender's output changes by
    passed.select(0, sender).sub_(base.changes.select(0, sender));
    for (int layer = 0; layer < config.n_layers; ++layer) {
      const int mlp = SenderRank(config, Node::Mlp(layer));
      if (mlp <= sender || mlp >= end || batch.setting.IsFixed(mlp)) continue;
      const at::Tensor input = base.layers[layer].mlp_in + Read(edges, ReceiverRank(config, Node::Mlp(layer)), passed);
      passed.select(0, mlp).copy_(MlpOut(batch.setting.products, layer, input) - batch.setting.outside.select(0, mlp) -
                                  base.changes.select(0, mlp));
    }
    const InputChange change{receiver, Read(edges, receiver, passed)};
    return Run(batch, edges, &change);
  }

  // What a receiver reads of outputs [n_senders, batch, pos, d_model].
  at::Tensor Read(const EdgeSet& edges, int receiver, const at::Tensor& outputs) const {
    return SumsOf(PlacesOf(edges, {receiver}, RanksBelow(outputs.size(0))), outputs).select(0, 0);
  }

  const std::unique_ptr<EdgeBatches> batches_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<EdgeScorer>> NewPlainEdgeScorer(const Model& model, const PromptPairs& pairs,
                                                               const EdgeScorerOptions& options,
                                                               const Checkpoint& checkpoint) {
  ASSIGN_OR_RETURN(auto batches, EdgeBatches::Create(model.network(), pairs, options, {}, checkpoint));
  return std::make_unique<PlainEdgeScorer>(std::move(batches));
}

}  // namespace circuitd
