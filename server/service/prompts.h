// Prompts and tokens as requests carry them, tokenized for a model.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/inference.pb.h"
#include "server/circuit/patched_run.h"
#include "server/model/forward.h"
#include "server/model/model.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {

using PromptList = google::protobuf::RepeatedPtrField<v1::Prompt>;

// Errors of all of these name the field, as the request spells it: `field` is "prompts[3]", "prompts".

// INVALID_ARGUMENT for malformed UTF-8 and ids outside the vocabulary; FAILED_PRECONDITION for text when the model has
// no tokenizer.
absl::StatusOr<std::vector<int>> TokenizePrompt(const v1::Prompt& prompt, absl::string_view field, const Model& model);
// INVALID_ARGUMENT also for more than `max_prompts`.
absl::StatusOr<std::vector<std::vector<int>>> TokenizePrompts(const PromptList& prompts, absl::string_view field,
                                                              const Model& model, int max_prompts);

absl::StatusOr<LogitsSelection> ConvertSelection(const v1::LogitsSelection& selection, const Model& model);

// Everything but ValidatePatchedRun.
absl::StatusOr<PatchedRunRequest> ConvertPatchedRun(const v1::RunPatchedRequest& request, const Model& model,
                                                    int max_prompts);

// With the text if the model has a tokenizer.
v1::Token ToProto(int token, const Model& model);
v1::PromptLogits ToProto(const PromptLogits& logits, size_t token_count, const Model& model);

}  // namespace circuitd
