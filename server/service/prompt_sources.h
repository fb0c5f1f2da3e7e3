// A request's prompts: from its PromptSource to tokenized pairs.
#pragma once

#include <limits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/checkpoint.h"
#include "circuitd/v1/prompt.pb.h"
#include "server/model/model.h"
#include "server/model/prompt_pair.h"
#include "server/service/dataset_store.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {

// Checks what needs neither model nor datasets. INVALID_ARGUMENT names the field, from the source on: "task.task".
absl::Status ValidatePromptSource(const v1::PromptSource& source);

// Whether making its pairs may take seconds: files, and more than a few generated prompts.
bool IsSlowToMake(const v1::PromptSource& source);

// What bounds the work on a source.
struct SourceLimits {
  int max_prompts = std::numeric_limits<int>::max();
  Checkpoint checkpoint = {};  // asked between two inline prompts; may be empty
};

// Of a validated source. NOT_FOUND names a dataset that is not stored; other errors name the field, from the request on
// ("prompts.task.task"), the line and the key.
absl::StatusOr<PromptPairs> MakePromptPairs(const DatasetStore& datasets, const v1::PromptSource& source,
                                            const Model& model, PairNeeds needs, const SourceLimits& limits);

}  // namespace circuitd
