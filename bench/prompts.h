// Prompt pairs for benchmarks: random ones of a template, and JSON lines of token ids.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/model.h"
#include "server/model/prompt_pair.h"

namespace circuitd {

// `count` pairs of `tokens` tokens each: sentences of five tokens that share all but their first (a word) and fourth (a
// number), the numbers differing between clean and corrupted; with `all_differ` every token does. Each answer is a
// token that is likeliest after a clean prompt (its own; of many pairs, that of one of the first) against a random one,
// so that the model's logit difference is positive. INVALID_ARGUMENT for prompts that the model can't take; an error of
// the forward pass.
absl::StatusOr<PromptPairs> RandomPairs(const Model& model, int count, int tokens, uint64_t seed,
                                        bool all_differ = false);

// A pair a line: {"clean_ids", "corrupted_ids", "correct_ids", "incorrect_ids"}, as dump_prompts prints them.
// INVALID_ARGUMENT, naming the line, for one that is not such, or not of `config`'s vocabulary and length.
absl::StatusOr<PromptPairs> ReadPairs(const std::string& path, const ModelConfig& config);

absl::Status WritePairs(const std::string& path, const PromptPairs& pairs);

}  // namespace circuitd
