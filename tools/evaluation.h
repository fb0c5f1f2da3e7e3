// How well a model continues the tasks' sequences.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "server/model/gpt2.h"
#include "server/model/tokenizer.h"

namespace circuitd {

struct Evaluation {
  int prompts = 0;
  double accuracy = 0;         // part of the prompts whose most likely next token is the correct one
  double mean_logit_diff = 0;  // logit of the correct token - of the incorrect one
  double min_logit_diff = 0;
};

// Runs `num_samples` generated prompts of a task's variant ("numerals", "done"). Errors of GeneratePrompts,
// and INTERNAL for torch's.
absl::StatusOr<Evaluation> EvaluateTask(const Gpt2& model, const Tokenizer& tokenizer, const std::string& task,
                                        const std::string& variant, uint64_t seed, int num_samples);

}  // namespace circuitd
