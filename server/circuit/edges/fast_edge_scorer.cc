// Goes on from one whole edge-masked run of each micro-batch, where only one receiver's edges are others.
#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "base/status.h"
#include "server/circuit/edges/edge_batches.h"
#include "server/circuit/edges/edge_scorer.h"
#include "server/circuit/edges/edge_suffix.h"
#include "server/circuit/edges/kept_run.h"
#include "server/circuit/edges/masked_run.h"
#include "server/circuit/edges/path_changes.h"
#include "server/graph/edge_order.h"
#include "server/model/gpt2.h"
#include "server/patching/suffix_run.h"

namespace circuitd {
namespace {

// A micro-batch's whole run.
struct Keep : public EdgeBatchKeep {
  Keep(const EdgeBatch& batch, const EdgeSet& edges) : run(batch, edges) {}

  const KeptRun run;
};

// The only receiver whose edges differ; nullopt if there are more, or none.
std::optional<int> OnlyDifference(const EdgeSet& a, const EdgeSet& b) {
  std::optional<int> found;
  for (int receiver = 0; receiver < a.receiver_count(); ++receiver) {
    for (int sender = 0; sender < a.sender_count(); ++sender) {
      if (a.Contains(receiver, sender) == b.Contains(receiver, sender)) continue;
      if (found) return std::nullopt;
      found = receiver;
      break;
    }
  }
  return found;
}

class FastEdgeScorer : public EdgeScorer {
 public:
  FastEdgeScorer(std::unique_ptr<EdgeBatches> batches, const EdgeScorerOptions& options, const Checkpoint& checkpoint)
      : batches_(std::move(batches)),
        config_(batches_->network().config()),
        budget_bytes_(options.memory_budget_bytes),
        checkpoint_(checkpoint) {}

  // Of what is kept of a micro-batch.
  static int64_t KeptBytesPerToken(const Gpt2& network) {
    const ModelConfig& config = network.config();
    const auto element_size = static_cast<int64_t>(c10::elementSize(network.dtype()));
    // The changes of all senders, twice, and some streams of each layer, twice.
    const int64_t streams = 2 * int64_t{SenderCount(config)} + 14 * int64_t{config.n_layers};
    return streams * config.d_model * element_size;
  }

  double model_metric() const override { return batches_->model_metric(); }

  void GoOnFrom(const EdgeSet& edges) override { base_ = edges; }

  absl::StatusOr<double> Score(const EdgeSet& edges) override {
    ASSIGN_OR_RETURN(const auto means, batches_->Means(1, [&](EdgeBatch& batch) -> absl::StatusOr<std::vector<double>> {
      const std::optional<int> receiver = DifferenceFromBase(batch, edges);
      const auto& [run, is_new] = RunOf(batch, receiver ? *base_ : edges);
      if (!receiver) return Sums(batch, run.residual().squeeze(1).unsqueeze(0));
      if (is_new && checkpoint_) RETURN_IF_ERROR(checkpoint_());
      return Sums(batch, EdgeSuffix(run, 1).Run(*receiver, InputDifference(run, edges, *receiver)));
    }));
    return means[0];
  }

  absl::StatusOr<std::vector<double>> ScoreWithout(const EdgeSet& edges, int receiver, absl::Span<const int> senders,
                                                   PathFreeze freeze) override {
    return batches_->Means(senders.size(), [&](EdgeBatch& batch) -> absl::StatusOr<std::vector<double>> {
      // MLPs that pass a change on do so in the run of `edges` itself.
      const bool goes_on = freeze == PathFreeze::kAll && DifferenceFromBase(batch, edges) == receiver;
      const auto& [run, is_new] = RunOf(batch, goes_on ? *base_ : edges);
      const size_t at_once = CopiesAtOnce(run, receiver, freeze);
      std::vector<double> sums;
      for (size_t begin = 0; begin < senders.size(); begin += at_once) {
        if ((begin > 0 || is_new) && checkpoint_) RETURN_IF_ERROR(checkpoint_());
        const auto part = senders.subspan(begin, at_once);
        at::Tensor changes = PathChanges(run, receiver, part, freeze);
        if (goes_on) changes = changes + InputDifference(run, edges, receiver);
        const at::Tensor last = EdgeSuffix(run, static_cast<int64_t>(part.size())).Run(receiver, changes);
        ASSIGN_OR_RETURN(const std::vector<double> of_part, Sums(batch, last));
        sums.insert(sums.end(), of_part.begin(), of_part.end());
      }
      return sums;
    });
  }

 private:
  struct BaseRun {
    const KeptRun& run;
    bool is_new;  // made by this call
  };

  // The receiver whose edges alone are others than in the set to go on from; nullopt where `edges` need their own run.
  std::optional<int> DifferenceFromBase(const EdgeBatch& batch, const EdgeSet& edges) const {
    return base_ && batch.keeps ? OnlyDifference(*base_, edges) : std::nullopt;
  }

  // The micro-batch's run of `edges`.
  static BaseRun RunOf(EdgeBatch& batch, const EdgeSet& edges) {
    const auto* kept = static_cast<const Keep*>(batch.keep.get());
    if (kept != nullptr && kept->run.edges() == edges) return {kept->run, false};
    batch.keep = nullptr;  // first: there is room for one
    auto made = std::make_unique<Keep>(batch, edges);
    const KeptRun& run = made->run;
    batch.keep = std::move(made);
    return {run, true};
  }

  // What a receiver reads more with `edges` than in the run: [1, batch, rows, d_model].
  at::Tensor InputDifference(const KeptRun& run, const EdgeSet& edges, int receiver) const {
    const Node node = ReceiverOfRank(config_, receiver);
    const int64_t senders = SendersBelow(config_, node);
    std::vector<std::vector<int64_t>> gone(1), come(1);
    for (int sender = 0; sender < senders; ++sender) {
      const bool then = run.edges().Contains(receiver, sender), now = edges.Contains(receiver, sender);
      if (then != now) (then ? gone : come)[0].push_back(sender);
    }
    const at::Tensor& changes = run.changes(EdgeSuffix::InputRows(config_, node));
    const at::Tensor all = changes.narrow(0, 0, senders);
    return SumsOf(come, all) - SumsOf(gone, all);
  }

  // How many senders' runs go side by side.
  size_t CopiesAtOnce(const KeptRun& run, int receiver, PathFreeze freeze) const {
    // As SuffixLimitsFor has it.
    const int64_t most_rows = batches_->network().device().is_cpu() ? 1024 : 16384;
    const Node node = ReceiverOfRank(config_, receiver);
    int layer = node.kind == Node::Kind::kLogits ? config_.n_layers : node.layer;
    if (freeze == PathFreeze::kHeads) layer = 0;
    const MicroBatchLimits limits = EdgeBatches::Limits(batches_->network(), budget_bytes_);
    const int64_t rows = run.prompts() * (run.pos() - run.first());
    const double flops = SuffixFlops(config_, run.pos(), layer, run.prompts(), rows);
    const int64_t bytes = ActivationBytes(config_, run.prompts(), run.pos(), limits);
    const auto in_time = static_cast<int64_t>(std::min(limits.max_flops / flops, 1e6));
    // The micro-batch itself has what one takes.
    const int64_t left = budget_bytes_ - EdgeBatches::PackedBytes(batches_->network(), budget_bytes_);
    const int64_t in_memory = left / 2 / bytes - 1;
    return std::max<int64_t>(1, std::min({in_time, in_memory, most_rows / rows}));
  }

  // The metric of each copy, summed over its prompts: last [copies, batch, d_model].
  absl::StatusOr<std::vector<double>> Sums(const EdgeBatch& batch, const at::Tensor& last) const {
    const int64_t copies = last.size(0), prompts = last.size(1);
    std::vector<size_t> rows;
    for (int64_t i = 0; i < copies * prompts; ++i) rows.push_back(i % prompts);
    ASSIGN_OR_RETURN(const std::vector<double> values, batches_->MetricOf(batch).Of(last.flatten(0, 1), rows));
    std::vector<double> sums(copies);
    for (size_t i = 0; i < values.size(); ++i) sums[i / prompts] += values[i];
    return sums;
  }

  const std::unique_ptr<EdgeBatches> batches_;
  const ModelConfig& config_;
  const int64_t budget_bytes_;
  const Checkpoint& checkpoint_;
  std::optional<EdgeSet> base_;  // what GoOnFrom was told
};

}  // namespace

absl::StatusOr<std::unique_ptr<EdgeScorer>> NewEdgeScorer(const Model& model, const PromptPairs& pairs,
                                                          const EdgeScorerOptions& options,
                                                          const Checkpoint& checkpoint) {
  // In half precision another order of sums is another score.
  if (model.dtype() != DType::kFloat32) return NewPlainEdgeScorer(model, pairs, options, checkpoint);
  ASSIGN_OR_RETURN(auto batches,
                   EdgeBatches::Create(model.network(), pairs, options,
                                       {FastEdgeScorer::KeptBytesPerToken(model.network()), true}, checkpoint));
  return std::make_unique<FastEdgeScorer>(std::move(batches), options, checkpoint);
}

}  // namespace circuitd
