// Unpatched runs on both prompts of each pair, micro-batch by micro-batch, and what goes on from them.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "server/model/forward.h"
#include "server/model/gpt2.h"
#include "server/model/layer_products.h"
#include "server/model/micro_batch.h"
#include "server/model/prompt_pair.h"
#include "server/patching/base_run.h"
#include "server/patching/patched_metric.h"
#include "server/patching/suffix_batches.h"

namespace circuitd {

struct PairedRuns {
  MicroBatch rows;
  const LayerProducts& products;
  const BaseRun& clean;
  const BaseRun& corrupted;
  const PatchedMetric& metric;
  std::vector<double> clean_values;  // the metric of each prompt
  std::vector<double> corrupted_values;
  SuffixLimits limits;  // of the patched runs
};

// The parts of pairs, as runs take them: one entry a pair.
struct PairColumns {
  explicit PairColumns(const PromptPairs& pairs);

  std::vector<std::vector<int>> clean, corrupted;
  std::vector<Answer> answers;
};

// What is kept of which run.
struct PairedKeeps {
  KeptHooks clean;
  KeptHooks corrupted;
};

// Runs both prompts of all pairs in micro-batches and calls `use` on each, in torch's inference mode. `use` may be
// called again for some of its pairs where memory was short; so it must have no effect when it fails. Weights of layers
// that patched runs go through are packed, within the memory budget, where `patched_runs` over all prompts are enough
// for that to pay. Errors as RunForward.
absl::Status ForEachPairedRuns(const Gpt2& network, const PromptPairs& pairs, Metric metric, const PairedKeeps& keeps,
                               uint64_t patched_runs, const ForwardOptions& options,
                               absl::FunctionRef<absl::Status(const PairedRuns&)> use);

}  // namespace circuitd
