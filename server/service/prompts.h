// Prompts and tokens as requests carry them, tokenized for a model.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/checkpoint.h"
#include "circuitd/v1/inference.pb.h"
#include "circuitd/v1/prompt.pb.h"
#include "server/model/model.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {

using PromptList = google::protobuf::RepeatedPtrField<v1::Prompt>;

// What bounds the work on a request's prompts.
struct PromptLimits {
  int max_prompts = 0;
  // Of one prompt; what can't fit is refused before it is tokenized.
  int64_t max_text_bytes = 0;
  int64_t max_tokens = 0;
  // Asked between two prompts; may be empty.
  Checkpoint checkpoint;
};

// For prompts that the model runs. A text that is longer than this many bytes a position of n_ctx can't fit.
PromptLimits RunLimits(const ModelConfig& config, int max_prompts, Checkpoint checkpoint);

// Errors of all of these name the field, as the request spells it: `field` is "prompts[3]", "prompts".

// INVALID_ARGUMENT for malformed UTF-8, ids outside the vocabulary, and what is over the limits; FAILED_PRECONDITION
// for text when the model has no tokenizer, or one that knows tokens which the model does not have.
absl::StatusOr<std::vector<int>> TokenizePrompt(const v1::Prompt& prompt, absl::string_view field, const Model& model,
                                                const PromptLimits& limits);
absl::StatusOr<std::vector<std::vector<int>>> TokenizePrompts(const PromptList& prompts, absl::string_view field,
                                                              const Model& model, const PromptLimits& limits);

// One token of each prompt, in order: INVALID_ARGUMENT for a prompt of none, and of several unless the first counts.
absl::StatusOr<std::vector<int>> TokenizeSingles(const PromptList& prompts, absl::string_view field, const Model& model,
                                                 MultiTokenAnswers several, const PromptLimits& limits);

// Tokenize's answer. INVALID_ARGUMENT if it would have more than `max_bytes`.
absl::Status TokenizeInto(const PromptList& prompts, const Model& model, int max_prompts, int64_t max_bytes,
                          const Checkpoint& checkpoint, v1::TokenizeResponse& response);

// With the text if the model has a tokenizer.
v1::Token ToProto(int token, const Model& model);

// "prompts[3]"
std::string FieldAt(absl::string_view field, int index);

}  // namespace circuitd
