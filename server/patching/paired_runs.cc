#include "server/patching/paired_runs.h"

#include <utility>

#include "base/status.h"
#include "server/model/torch_border.h"

namespace circuitd {

PairColumns::PairColumns(const PromptPairs& pairs) {
  for (const PromptPair& pair : pairs) {
    clean.push_back(pair.clean);
    corrupted.push_back(pair.corrupted);
    answers.push_back({pair.correct, pair.incorrect});
  }
}

absl::Status ForEachPairedRuns(const Gpt2& network, const PromptPairs& pairs, Metric metric, const PairedKeeps& keeps,
                               const ForwardOptions& options, absl::FunctionRef<absl::Status(const PairedRuns&)> use) {
  const PairColumns columns(pairs);
  const ModelConfig& config = network.config();
  const int64_t element_size = static_cast<int64_t>(c10::elementSize(network.dtype()));
  const int64_t kept_bytes =
      KeptBytesPerToken(config, keeps.clean, element_size) + KeptBytesPerToken(config, keeps.corrupted, element_size);
  const auto batches =
      SplitIntoMicroBatches(config, columns.clean, PatchingLimits(network, options.memory_budget_bytes, kept_bytes));
  return ForEachMicroBatch(batches, options.checkpoint, [&](MicroBatch batch) {
    return InTorch([&]() -> absl::Status {
      const BaseRun clean_run(network, Rows(columns.clean, batch), keeps.clean);
      if (options.checkpoint) RETURN_IF_ERROR(options.checkpoint());
      const BaseRun corrupted_run(network, Rows(columns.corrupted, batch), keeps.corrupted);
      const PatchedMetric patched_metric(network, metric, Rows(columns.answers, batch), clean_run.last_logits(),
                                         batch.begin);
      ASSIGN_OR_RETURN(std::vector<double> clean_values, patched_metric.OfLogits(clean_run.last_logits()));
      ASSIGN_OR_RETURN(std::vector<double> corrupted_values, patched_metric.OfLogits(corrupted_run.last_logits()));
      return use({batch, clean_run, corrupted_run, patched_metric, std::move(clean_values), std::move(corrupted_values),
                  SuffixLimitsFor(network, clean_run, options.memory_budget_bytes, kept_bytes)});
    });
  });
}

}  // namespace circuitd
