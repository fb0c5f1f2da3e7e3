// Tokenized prompts as a request would bring them, and back.
#pragma once

#include "absl/status/statusor.h"
#include "circuitd/v1/prompt.pb.h"
#include "server/model/config.h"
#include "server/model/prompt_pair.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {

// Without roles.
v1::PromptSource StorePairs(const PromptPairs& pairs);

// Checked as if a request had brought them: the disk may have changed a byte. DATA_LOSS then.
absl::StatusOr<PromptPairs> StoredPairs(const v1::PromptSource& source, const ModelConfig& config, PairNeeds needs);

}  // namespace circuitd
