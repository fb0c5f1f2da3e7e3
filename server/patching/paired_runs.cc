#include "server/patching/paired_runs.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "server/model/torch_border.h"

namespace circuitd {
namespace {

// The first layer that is packed; the number of layers if none is.
int FirstPacked(const Gpt2& network, const PairColumns& columns, int first_layer, uint64_t patched_runs,
                int64_t budget_bytes) {
  // Packing a layer takes as long as packed products gain over some 700 rows; patched runs skip up to half of theirs.
  constexpr uint64_t kRowsToPay = 1024;
  uint64_t tokens = 0;
  for (const std::vector<int>& prompt : columns.clean) tokens += prompt.size();
  const auto fits = [&](int first) { return LayerProducts::PackedBytes(network, first) <= budget_bytes / 2; };
  if (patched_runs * tokens < kRowsToPay || !fits(first_layer)) return network.config().n_layers;
  // Lower layers see the unpatched runs on both prompts only.
  return 2 * tokens >= kRowsToPay && fits(0) ? 0 : first_layer;
}

}  // namespace

PairColumns::PairColumns(const PromptPairs& pairs) {
  for (const PromptPair& pair : pairs) {
    clean.push_back(pair.clean);
    corrupted.push_back(pair.corrupted);
    answers.push_back({pair.correct, pair.incorrect});
  }
}

absl::Status ForEachPairedRuns(const Gpt2& network, const PromptPairs& pairs, Metric metric, const PairedKeeps& keeps,
                               uint64_t patched_runs, const ForwardOptions& options,
                               absl::FunctionRef<absl::Status(const PairedRuns&)> use) {
  const PairColumns columns(pairs);
  const ModelConfig& config = network.config();
  const int64_t element_size = static_cast<int64_t>(c10::elementSize(network.dtype()));
  const int64_t kept_bytes =
      KeptBytesPerToken(config, keeps.clean, element_size) + KeptBytesPerToken(config, keeps.corrupted, element_size);
  const int first_packed = FirstPacked(network, columns, std::min(keeps.clean.first_layer, keeps.corrupted.first_layer),
                                       patched_runs, options.memory_budget_bytes);
  const int64_t budget = options.memory_budget_bytes - LayerProducts::PackedBytes(network, first_packed);
  const LayerProducts products(network, first_packed);
  const auto batches = SplitIntoMicroBatches(config, columns.clean, PatchingLimits(network, budget, kept_bytes));
  return ForEachMicroBatch(batches, options.checkpoint, [&](MicroBatch batch) {
    return InTorch([&]() -> absl::Status {
      const BaseRun clean_run(products, Rows(columns.clean, batch), keeps.clean);
      if (options.checkpoint) RETURN_IF_ERROR(options.checkpoint());
      const BaseRun corrupted_run(products, Rows(columns.corrupted, batch), keeps.corrupted);
      const PatchedMetric patched_metric(network, metric, Rows(columns.answers, batch), clean_run.last_logits(),
                                         batch.begin);
      ASSIGN_OR_RETURN(std::vector<double> clean_values, patched_metric.OfLogits(clean_run.last_logits()));
      ASSIGN_OR_RETURN(std::vector<double> corrupted_values, patched_metric.OfLogits(corrupted_run.last_logits()));
      return use({batch, products, clean_run, corrupted_run, patched_metric, std::move(clean_values),
                  std::move(corrupted_values), SuffixLimitsFor(network, clean_run, budget, kept_bytes)});
    });
  });
}

}  // namespace circuitd
