// Goes on from one edge-masked run of each micro-batch, where only one receiver's edges are others.
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

// A micro-batch's run, and the one of an edge less that was asked for last.
struct Keep : public EdgeBatchKeep {
  std::unique_ptr<KeptRun> run;
  std::optional<std::pair<EdgeSet, KeptRunChange>> next;
};

// The only receiver whose edges differ; nullopt if there are more.
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

  absl::StatusOr<double> Score(const EdgeSet& edges) override {
    ASSIGN_OR_RETURN(const auto means, batches_->Means(1, [&](EdgeBatch& batch) -> absl::StatusOr<std::vector<double>> {
      const auto& [run, is_new] = RunOf(batch, edges);
      return Sums(batch, run.residual().squeeze(1).unsqueeze(0));
    }));
    return means[0];
  }

  absl::StatusOr<std::vector<double>> ScoreWithout(const EdgeSet& edges, int receiver, absl::Span<const int> senders,
                                                   PathFreeze freeze) override {
    return batches_->Means(senders.size(), [&](EdgeBatch& batch) -> absl::StatusOr<std::vector<double>> {
      const auto& [run, is_new] = RunOf(batch, edges);
      const size_t at_once = CopiesAtOnce(run, receiver, freeze);
      std::vector<double> sums;
      for (size_t begin = 0; begin < senders.size(); begin += at_once) {
        if ((begin > 0 || is_new) && checkpoint_) RETURN_IF_ERROR(checkpoint_());
        const auto part = senders.subspan(begin, at_once);
        EdgeSuffix suffix(run, static_cast<int64_t>(part.size()));
        const at::Tensor last = suffix.Run(receiver, PathChanges(run, receiver, part, freeze));
        ASSIGN_OR_RETURN(const std::vector<double> of_part, Sums(batch, last));
        sums.insert(sums.end(), of_part.begin(), of_part.end());
        if (senders.size() == 1 && freeze == PathFreeze::kAll && batch.keeps) {
          EdgeSet without = edges;
          without.Set(receiver, senders[0], false);
          static_cast<Keep&>(*batch.keep).next.emplace(std::move(without), suffix.TakeChange());
        }
      }
      return sums;
    });
  }

 private:
  struct BaseRun {
    const KeptRun& run;
    bool is_new;  // a whole run, made by this call
  };

  // The micro-batch's run of `edges`.
  BaseRun RunOf(EdgeBatch& batch, const EdgeSet& edges) const {
    // Nothing is kept of what fails.
    std::unique_ptr<EdgeBatchKeep> owner = std::exchange(batch.keep, nullptr);
    if (!owner) owner = std::make_unique<Keep>();
    auto& keep = static_cast<Keep&>(*owner);
    const bool is_new = !GoOn(keep, edges);
    if (is_new) {
      keep = Keep();
      keep.run = std::make_unique<KeptRun>(batch, edges);
    }
    batch.keep = std::move(owner);
    return {*keep.run, is_new};
  }

  // Makes the kept run that of `edges`, if there is one to go on from.
  bool GoOn(Keep& keep, const EdgeSet& edges) const {
    // Each run that goes on from another adds its rounding.
    constexpr int kMostAdopted = 64;
    if (!keep.run) return false;
    if (keep.run->edges() == edges) return true;
    if (keep.run->adopted() == kMostAdopted) return false;
    auto next = std::exchange(keep.next, std::nullopt);
    if (next && next->first == edges) {
      keep.run->Adopt(edges, next->second);
      return true;
    }
    const std::optional<int> receiver = OnlyDifference(keep.run->edges(), edges);
    if (!receiver) return false;
    EdgeSuffix suffix(*keep.run, 1);
    suffix.Run(*receiver, InputDifference(*keep.run, edges, *receiver));
    keep.run->Adopt(edges, suffix.TakeChange());
    return true;
  }

  // What a receiver reads more with `edges` than in the run: [1, batch, rows, d_model].
  at::Tensor InputDifference(const KeptRun& run, const EdgeSet& edges, int receiver) const {
    const Node node = ReceiverOfRank(config_, receiver);
    const at::Tensor& changes = run.changes(EdgeSuffix::InputRows(config_, node));
    const int64_t senders = SendersBelow(config_, node);
    const auto read = [&](const EdgeSet& of) {
      return SumsOf(PlacesOf(of, {receiver}, RanksBelow(senders)), changes.narrow(0, 0, senders));
    };
    return read(edges) - read(run.edges());
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
