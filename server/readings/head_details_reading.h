// Reads what heads look at and what they write, for those who look at circuits.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "server/graph/head_details.h"
#include "server/graph/node.h"
#include "server/model/forward.h"
#include "server/model/model.h"
#include "server/model/prompt_pair.h"

namespace circuitd {

// Patterns are of at most so many prompts, enough for a picture and little beside the work of a job that has more; of
// fewer where these are so long that they run several times, as many layers at a time as fit in memory.
inline constexpr size_t kMostPatternPrompts = 32;

// Of the heads in `nodes`, and of others as far as kMostDetailedHeads allows, on the clean prompts of the most common
// length (of equally common ones the shortest) in `pairs`, which are valid and at least one. A head writes from the 3
// positions that the last one attends to most on average and that differ in their tokens in the first prompt: the 5
// tokens with the highest logits (equal ones by id). Tokens are the tokenizer's bytes; of a model that has none, and of
// ids that are no token, the id: "464". `label` is left empty. FAILED_PRECONDITION if something is not finite; threads
// and other errors as RunForward.
absl::StatusOr<HeadDetails> ReadHeadDetails(const Model& model, const PromptPairs& pairs, const NodeSet& nodes,
                                            const ForwardOptions& options);

// Memory that this takes at most.
int64_t HeadDetailsBytes(const Model& model, const PromptPairs& pairs, int64_t memory_budget_bytes);

}  // namespace circuitd
