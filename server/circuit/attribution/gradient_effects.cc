// What the methods with gradients have in common: micro-batches of pairs, outside values, sums, and how they go on.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/circuit/attribution/attribution_batch.h"
#include "server/circuit/attribution/attribution_methods.h"
#include "server/circuit/edges/sender_outputs.h"
#include "server/graph/edge_order.h"
#include "server/model/torch_border.h"
#include "server/patching/paired_runs.h"

namespace circuitd {
namespace {

class GradientAttribution {
 public:
  GradientAttribution(const Model& model, const PromptPairs& pairs, const AttributionOptions& options,
                      const AttributionCallbacks& callbacks)
      : network_(model.network()),
        config_(model.config()),
        options_(options),
        callbacks_(callbacks),
        columns_(pairs),
        size_(GradientMicroBatchPrompts(model, pairs, options)),
        sums_(size_t(ReceiverCount(config_)) * SenderCount(config_)) {}

  absl::Status TakeMade(absl::Span<const AttributionStep> made) {
    for (size_t i = 0; i < made.size(); ++i) {
      const AttributionStep& step = made[i];
      if (step.pairs_done <= pairs_done_ || step.pairs_done > PairCount() || step.sums.size() != sums_.size()) {
        return absl::DataLossError(absl::StrCat("step ", i, " of an earlier run has ", step.sums.size(), " sums of ",
                                                pairs_done_, " to ", step.pairs_done, " pairs, expected ", sums_.size(),
                                                " sums of up to ", PairCount(), " pairs"));
      }
      Add(step);
    }
    return absl::OkStatus();
  }

  absl::Status Run() {
    if (pairs_done_ == PairCount()) return absl::OkStatus();
    if (options_.runs.ablation == EdgeAblation::kMean) {
      const auto all = MicroBatchesOf(columns_.corrupted.size(), size_);
      ASSIGN_OR_RETURN(means_, MeanSenderOutputs(network_, columns_.corrupted, all, callbacks_.checkpoint));
    }
    std::vector<MicroBatch> batches = MicroBatchesOf(PairCount() - pairs_done_, size_);
    for (MicroBatch& batch : batches) {
      batch.begin += pairs_done_;
      batch.end += pairs_done_;
    }
    std::vector<double> of_batch;
    return ForEachMicroBatch(
        batches, callbacks_.checkpoint,
        [&](MicroBatch rows) {
          return InTorchWithAutograd([&]() -> absl::Status {
            ASSIGN_OR_RETURN(of_batch, SumsOf(rows));
            return absl::OkStatus();
          });
        },
        [&](MicroBatch rows) {
          AttributionStep step;
          step.pairs_done = static_cast<int64_t>(rows.end);
          step.steps_left = (PairCount() - step.pairs_done + size_ - 1) / size_;
          step.sums = std::move(of_batch);
          Add(step);
          if (callbacks_.on_step) callbacks_.on_step(step);
          return absl::OkStatus();
        });
  }

  EdgeScores Scores() const {
    EdgeScores scores(config_);
    for (int receiver = 0; receiver < ReceiverCount(config_); ++receiver) {
      for (int sender = 0; sender < SenderCount(config_); ++sender) {
        const double sum = sums_[size_t(receiver) * SenderCount(config_) + sender];
        scores.Set(receiver, sender, sum / static_cast<double>(PairCount()));
      }
    }
    return scores;
  }

 private:
  int64_t PairCount() const { return static_cast<int64_t>(columns_.clean.size()); }

  absl::Status Check() const { return callbacks_.checkpoint ? callbacks_.checkpoint() : absl::OkStatus(); }

  void Add(const AttributionStep& step) {
    for (size_t i = 0; i < sums_.size(); ++i) sums_[i] += step.sums[i];
    pairs_done_ = step.pairs_done;
  }

  // [n_receivers, n_senders] of some pairs.
  absl::StatusOr<std::vector<double>> SumsOf(MicroBatch rows) const {
    const PaddedPrompts clean = Pad(Rows(columns_.clean, rows), network_.device());
    const at::Tensor outside = OutsideOutputs(rows, clean.tokens.size(1));
    RETURN_IF_ERROR(Check());
    at::Tensor differences = SenderOutputs(network_, clean.tokens, nullptr).neg_().add_(outside);
    const at::Tensor positions = at::arange(clean.tokens.size(1), clean.lengths.options());
    const at::Tensor padding = positions.unsqueeze(0) >= clean.lengths.unsqueeze(1);  // [batch, pos]
    differences.masked_fill_(padding.unsqueeze(-1), 0);
    at::Tensor clean_logits;
    if (options_.runs.metric == Metric::kKlDiv) {
      RETURN_IF_ERROR(Check());
      clean_logits = network_.Unembed(AtLastPosition(network_.Run(clean.tokens), clean));
    }
    // Sums of products overflow in half precision.
    const bool is_half = c10::isReducedFloatingType(network_.dtype());
    const AttributionBatch batch{.network = network_,
                                 .clean = clean,
                                 .answers = Rows(columns_.answers, rows),
                                 .metric = options_.runs.metric,
                                 .clean_logits = clean_logits,
                                 .outside = outside,
                                 .differences = is_half ? differences.to(at::kFloat) : differences,
                                 .first_pair = rows.begin,
                                 .checkpoint = callbacks_.checkpoint};
    ASSIGN_OR_RETURN(const at::Tensor sums, EdgeSums(batch));
    const at::Tensor host = sums.cpu().contiguous();
    return std::vector<double>(host.data_ptr<double>(), host.data_ptr<double>() + host.numel());
  }

  absl::StatusOr<at::Tensor> EdgeSums(const AttributionBatch& batch) const {
    switch (options_.method) {
      case AttributionMethod::kEapIgInputs:
        return EapIgInputsSums(batch, options_.steps);
      case AttributionMethod::kEapIgActivations:
        return EapIgActivationsSums(batch, options_.steps);
      default:
        return EapSums(batch);
    }
  }

  // [n_senders, batch or 1, pos, d_model].
  at::Tensor OutsideOutputs(MicroBatch rows, int64_t pos) const {
    switch (options_.runs.ablation) {
      case EdgeAblation::kMean:
        return means_.narrow(2, 0, pos);
      case EdgeAblation::kZero:
        return at::zeros({1, 1, 1, 1}, network_.weights().embed.options())
            .expand({SenderCount(config_), 1, pos, config_.d_model});
      case EdgeAblation::kResample:
        break;
    }
    return SenderOutputs(network_, Pad(Rows(columns_.corrupted, rows), network_.device()).tokens, nullptr);
  }

  const Gpt2& network_;
  const ModelConfig& config_;
  const AttributionOptions& options_;
  const AttributionCallbacks& callbacks_;
  const PairColumns columns_;
  const int64_t size_;        // of a micro-batch, in pairs
  std::vector<double> sums_;  // [n_receivers, n_senders] of the pairs that are done
  int64_t pairs_done_ = 0;
  at::Tensor means_;  // kMean: [n_senders, 1, max_pos, d_model]
};

}  // namespace

absl::StatusOr<EdgeScores> GradientEffects(const Model& model, const PromptPairs& pairs,
                                           const AttributionOptions& options, const AttributionCallbacks& callbacks,
                                           absl::Span<const AttributionStep> made) {
  GradientAttribution attribution(model, pairs, options, callbacks);
  RETURN_IF_ERROR(attribution.TakeMade(made));
  RETURN_IF_ERROR(attribution.Run());
  return attribution.Scores();
}

}  // namespace circuitd
