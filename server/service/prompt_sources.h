// A job's prompts: from the request's PromptSource to tokenized pairs.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "circuitd/v1/circuit.pb.h"
#include "server/model/model.h"
#include "server/model/prompt_pair.h"
#include "server/service/dataset_store.h"

namespace circuitd {

// Checks what needs neither model nor datasets. INVALID_ARGUMENT names the field, from the source on: "task.task".
absl::Status ValidatePromptSource(const v1::PromptSource& source);

// Of a validated source. NOT_FOUND names a dataset that is not stored; other errors name the field, from the spec on
// ("prompts.task.task"), the line and the key.
absl::StatusOr<PromptPairs> MakePromptPairs(const DatasetStore& datasets, const v1::PromptSource& source,
                                            const Model& model);

}  // namespace circuitd
