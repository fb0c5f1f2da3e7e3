// Prompts that a request brings along.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "circuitd/v1/prompt.pb.h"
#include "server/model/model.h"
#include "server/model/prompt_pair.h"
#include "server/service/prompts.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {

// Checks how many there are of each kind. INVALID_ARGUMENT names the field, from the source on: "inline.answers".
absl::Status ValidateInlinePrompts(const v1::InlinePrompts& prompts);

// Tokenizes the first ones of validated prompts. Errors name the field, from the request on:
// "prompts.inline.clean[3].text".
absl::StatusOr<PromptPairs> TokenizeInlinePrompts(const v1::InlinePrompts& prompts, const Model& model,
                                                  const PromptSetOptions& options, const PromptLimits& limits);

}  // namespace circuitd
