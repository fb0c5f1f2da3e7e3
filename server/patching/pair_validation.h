// What activation patching asks of its pairs of prompts.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "server/model/config.h"
#include "server/model/metric.h"
#include "server/model/prompt_pair.h"

namespace circuitd {

// Values, one a patched run and prompt, that an answer may have: 256 MiB of them.
inline constexpr uint64_t kMaxPatchedValues = uint64_t{1} << 25;

// INVALID_ARGUMENT, naming the field ("prompts[3].corrupted: 4 tokens, its clean prompt has 5"), for no pairs at all,
// pairs without corrupted prompt or of unequal lengths, lengths that are not 1 to n_ctx, tokens outside the vocabulary,
// and answers that the metric needs and that are missing or outside the vocabulary.
absl::Status ValidatePairs(const ModelConfig& config, const PromptPairs& pairs, Metric metric);

// INVALID_ARGUMENT about `field` if an answer with the values of `runs` patched runs of each pair would be too large.
absl::Status ValidateValueCount(absl::string_view field, uint64_t runs, const PromptPairs& pairs);

}  // namespace circuitd
