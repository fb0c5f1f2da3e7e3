#include "server/circuit/edges/edge_batches.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/status.h"
#include "server/circuit/edges/sender_outputs.h"
#include "server/graph/edge_order.h"
#include "server/model/logit_readout.h"
#include "server/model/metric_values.h"
#include "server/model/prompt_length.h"
#include "server/model/torch_border.h"

namespace circuitd {
namespace {

int64_t ElementSize(const Gpt2& network) { return static_cast<int64_t>(c10::elementSize(network.dtype())); }

// Of what all senders write.
int64_t OutputBytesPerToken(const Gpt2& network) {
  return int64_t{SenderCount(network.config())} * network.config().d_model * ElementSize(network);
}

absl::Status Pass(const Checkpoint& checkpoint) { return checkpoint ? checkpoint() : absl::OkStatus(); }

// What there is for runs, and as much again for what is kept.
int64_t HalfBudget(const Gpt2& network, const EdgeScorerOptions& options) {
  const int64_t budget = options.memory_budget_bytes;
  return (budget - EdgeBatches::PackedBytes(network, budget)) / 2;
}

double Sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

}  // namespace

EdgeBatches::EdgeBatches(const Gpt2& network, const PromptPairs& pairs, const EdgeScorerOptions& options,
                         const Plan& plan, const Checkpoint& checkpoint)
    : network_(network),
      options_(options),
      checkpoint_(checkpoint),
      products_(network, plan.packs_weights && PackedBytes(network, options.memory_budget_bytes) > 0
                             ? 0
                             : network.config().n_layers),
      columns_(pairs) {
  for (const MicroBatch rows : MicroBatchesOf(pairs.size(), MicroBatchPrompts(network, pairs, options))) {
    slots_.push_back({rows, false, nullptr});
  }
}

int64_t EdgeBatches::PackedBytes(const Gpt2& network, int64_t budget_bytes) {
  const int64_t all = LayerProducts::PackedBytes(network, 0);
  return all <= budget_bytes / 4 ? all : 0;
}

MicroBatchLimits EdgeBatches::Limits(const Gpt2& network, int64_t budget_bytes) {
  const ModelConfig& config = network.config();
  MicroBatchLimits limits = MetricLimits(network, budget_bytes);
  // An edge-masked run takes up to half as long again as a forward pass.
  limits.max_flops /= 1.5;
  // Outside values, changes and a copy of their last rows; a layer's inputs of q, k and v, twice; what is kept of each
  // layer.
  const int64_t streams = 6 * int64_t{config.n_heads} + 8 * int64_t{config.n_layers};
  limits.extra_bytes_per_token = 3 * OutputBytesPerToken(network) + streams * config.d_model * ElementSize(network);
  return limits;
}

int64_t EdgeBatches::MicroBatchPrompts(const Gpt2& network, const PromptPairs& pairs,
                                       const EdgeScorerOptions& options) {
  // The other half is for what is kept.
  const int64_t budget = HalfBudget(network, options);
  const auto longest = static_cast<int64_t>(LongestPrompt(pairs, &PromptPair::clean));
  int64_t most = std::min(PromptsWithin(network.config(), longest, Limits(network, budget)),
                          PromptsWithin(network.config(), longest, CaptureMeansLimits(network, longest, budget)));
  most = std::min<int64_t>(most, pairs.size());
  return std::max<int64_t>(1, std::min(most, options.micro_batch_prompts.value_or(most)));
}

absl::StatusOr<std::unique_ptr<EdgeBatches>> EdgeBatches::Create(const Gpt2& network, const PromptPairs& pairs,
                                                                 const EdgeScorerOptions& options, const Plan& plan,
                                                                 const Checkpoint& checkpoint) {
  auto result = std::unique_ptr<EdgeBatches>(new EdgeBatches(network, pairs, options, plan, checkpoint));
  RETURN_IF_ERROR(result->MeasureModel());
  const bool common = options.ablation != EdgeAblation::kResample;
  if (options.within) RETURN_IF_ERROR(result->PrepareWithin(*options.within));
  if (common) RETURN_IF_ERROR(result->PrepareCommonOutside());
  result->ShareBudget(plan.kept_bytes_per_token + (common ? 0 : OutputBytesPerToken(network)));
  return result;
}

std::vector<MicroBatch> EdgeBatches::AllRows() const {
  std::vector<MicroBatch> rows;
  for (const Slot& slot : slots_) rows.push_back(slot.rows);
  return rows;
}

absl::Status EdgeBatches::PrepareCommonOutside() {
  const ModelConfig& config = network_.config();
  if (options_.ablation == EdgeAblation::kZero) {
    const auto longest = static_cast<int64_t>(LongestPrompt(columns_.clean));
    return InTorch([&] {
      common_outside_ = at::zeros({1, 1, 1, 1}, network_.weights().embed.options())
                            .expand({SenderCount(config), 1, longest, config.d_model});
      return absl::OkStatus();
    });
  }
  const auto& source = options_.swap_prompts ? columns_.clean : columns_.corrupted;
  ASSIGN_OR_RETURN(common_outside_, MeanSenderOutputs(network_, source, AllRows(), checkpoint_));
  return absl::OkStatus();
}

absl::Status EdgeBatches::PrepareWithin(const WithinCircuit& within) {
  const ModelConfig& config = network_.config();
  const std::vector<bool> all(config.n_layers, true), none(config.n_layers, false);
  ASSIGN_OR_RETURN(means_, CaptureMeans(network_, columns_.corrupted, AllRows(), {all, all}, nullptr, checkpoint_));
  if (within.means == MlpMeans::kSeqcont) {
    NodeAblation heads_only(network_, within.nodes, /*ablate_mlps=*/false, means_.z, means_.mlp_out);
    ASSIGN_OR_RETURN(ActivationMeans means,
                     CaptureMeans(network_, columns_.corrupted, AllRows(), {none, all}, &heads_only, checkpoint_));
    means_.mlp_out = std::move(means.mlp_out);
  }
  ablation_ = std::make_unique<NodeAblation>(network_, within.nodes, /*ablate_mlps=*/true, means_.z, means_.mlp_out);
  fixed_.assign(SenderCount(config), false);
  for (size_t rank = 1; rank < fixed_.size(); ++rank) {
    fixed_[rank] = !within.nodes.contains(SenderOfRank(config, static_cast<int>(rank)));
  }
  return absl::OkStatus();
}

absl::Status EdgeBatches::MeasureModel() {
  double sum = 0;
  RETURN_IF_ERROR(ForEachMicroBatch(AllRows(), checkpoint_, [&](MicroBatch rows) {
    return InTorch([&]() -> absl::Status {
      const PaddedPrompts padded = Pad(Rows(columns_.clean, rows), network_.device());
      const at::Tensor logits = LastLogits(network_, network_.Run(padded.tokens), padded);
      RETURN_IF_ERROR(CheckFinite(logits, rows.begin));
      sum += Sum(MetricPerPrompt(options_.metric, logits, logits, Rows(columns_.answers, rows)));
      return absl::OkStatus();
    });
  }));
  model_metric_ = sum / static_cast<double>(columns_.clean.size());
  return absl::OkStatus();
}

void EdgeBatches::ShareBudget(int64_t bytes_per_token) {
  int64_t left = HalfBudget(network_, options_);
  const int64_t of_prompt =
      options_.metric == Metric::kKlDiv ? int64_t{network_.config().d_vocab} * int64_t{sizeof(float)} : 0;
  for (Slot& slot : slots_) {
    const auto prompts = Rows(columns_.clean, slot.rows);
    left -= static_cast<int64_t>(prompts.size()) *
            (static_cast<int64_t>(LongestPrompt(prompts)) * bytes_per_token + of_prompt);
    slot.keeps = left >= 0;
  }
}

absl::StatusOr<std::unique_ptr<EdgeBatch>> EdgeBatches::Prepare(const Slot& slot) {
  const auto& runs = options_.swap_prompts ? columns_.corrupted : columns_.clean;
  const auto& source = options_.swap_prompts ? columns_.clean : columns_.corrupted;
  at::Tensor clean_logits;
  if (options_.metric == Metric::kKlDiv) {
    RETURN_IF_ERROR(Pass(checkpoint_));
    const PaddedPrompts clean = Pad(Rows(columns_.clean, slot.rows), network_.device());
    clean_logits = LastLogits(network_, network_.Run(clean.tokens), clean);
    RETURN_IF_ERROR(CheckFinite(clean_logits, slot.rows.begin));
  }
  PaddedPrompts prompts = Pad(Rows(runs, slot.rows), network_.device());
  const int64_t pos = prompts.tokens.size(1);
  at::Tensor outside;
  int64_t first = 0;
  if (common_outside_.defined()) {
    outside = common_outside_.narrow(2, 0, pos);
  } else {
    RETURN_IF_ERROR(Pass(checkpoint_));
    const PaddedPrompts others = Pad(Rows(source, slot.rows), network_.device());
    outside = SenderOutputs(network_, others.tokens, ablation_.get());
    const at::Tensor differs = prompts.tokens.ne(others.tokens).any(0).cpu();  // [pos]
    const bool* begin = differs.data_ptr<bool>();
    first = std::find(begin, begin + pos, true) - begin;
  }
  MaskedRunSetting setting{products_, prompts.tokens, std::move(outside), fixed_};
  return std::make_unique<EdgeBatch>(EdgeBatch{slot.rows, std::move(prompts), std::move(setting),
                                               std::move(clean_logits), first, slot.keeps, nullptr});
}

absl::StatusOr<std::vector<double>> EdgeBatches::RunSlot(
    Slot& slot, absl::FunctionRef<absl::StatusOr<std::vector<double>>(EdgeBatch&)> run) {
  return InTorch([&]() -> absl::StatusOr<std::vector<double>> {
    std::unique_ptr<EdgeBatch> own;
    if (!slot.kept) {
      ASSIGN_OR_RETURN(own, Prepare(slot));
      if (slot.keeps) slot.kept = std::move(own);
    }
    RETURN_IF_ERROR(Pass(checkpoint_));
    return run(slot.kept ? *slot.kept : *own);
  });
}

absl::StatusOr<std::vector<double>> EdgeBatches::Means(
    size_t count, absl::FunctionRef<absl::StatusOr<std::vector<double>>(EdgeBatch&)> run) {
  std::vector<double> means(count);
  for (size_t i = 0; i < slots_.size();) {
    const absl::StatusOr<std::vector<double>> sums = RunSlot(slots_[i], run);
    const MicroBatch rows = slots_[i].rows;
    if (sums.ok()) {
      for (size_t value = 0; value < count; ++value) means[value] += (*sums)[value];
      ++i;
    } else if (absl::IsResourceExhausted(sums.status()) && rows.end - rows.begin > 1) {
      for (Slot& slot : slots_) {
        slot.kept = nullptr;
        slot.keeps = false;
      }
      const size_t middle = (rows.begin + rows.end) / 2;
      slots_[i].rows.end = middle;
      slots_.insert(slots_.begin() + static_cast<int64_t>(i) + 1, Slot{{middle, rows.end}, false, nullptr});
    } else {
      return sums.status();
    }
  }
  for (double& mean : means) mean /= static_cast<double>(columns_.clean.size());
  return means;
}

PatchedMetric EdgeBatches::MetricOf(const EdgeBatch& batch) const {
  return PatchedMetric(network_, options_.metric, Rows(columns_.answers, batch.rows), batch.clean_logits,
                       batch.rows.begin);
}

absl::StatusOr<double> EdgeBatches::MetricSum(const EdgeBatch& batch, const at::Tensor& residual) const {
  std::vector<size_t> rows(residual.size(0));
  std::iota(rows.begin(), rows.end(), 0);
  ASSIGN_OR_RETURN(const std::vector<double> values, MetricOf(batch).Of(AtLastPosition(residual, batch.prompts), rows));
  return Sum(values);
}

}  // namespace circuitd
