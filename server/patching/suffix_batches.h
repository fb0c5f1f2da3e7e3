// Which patched runs of a micro-batch go side by side.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "server/model/gpt2.h"
#include "server/model/micro_batch.h"
#include "server/patching/base_run.h"

namespace circuitd {

// What one RunSuffix may take.
struct SuffixLimits {
  double max_flops = 0;
  int64_t max_copies = 1;  // of prompts, that fit in memory
  int64_t max_rows = 1;    // more at once gain nothing
};

// Copies that go together, and the rows of all of them.
struct SuffixSize {
  int64_t copies = 1;
  int64_t rows = 0;
};

// The limits of micro-batches of prompts of at most `longest` tokens whose unpatched runs keep `kept_bytes_per_token`.
MicroBatchLimits PatchingLimits(const Gpt2& network, int64_t budget_bytes, int64_t kept_bytes_per_token);

// Of patched runs of a micro-batch; both of PatchingLimits' arguments as there.
SuffixLimits SuffixLimitsFor(const Gpt2& network, const BaseRun& base, int64_t budget_bytes,
                             int64_t kept_bytes_per_token);

// Splits what goes on at `layer`, in order: the number of sizes of each run, at least 1. Prompts have `pos` positions.
std::vector<size_t> SplitSuffixes(const ModelConfig& config, int64_t pos, int layer, absl::Span<const SuffixSize> sizes,
                                  const SuffixLimits& limits);

}  // namespace circuitd
