// Tokenized clean and corrupted prompts with their answers: what tasks make and circuit algorithms run on.
#pragma once

#include <vector>

#include "server/model/position_selector.h"

namespace circuitd {

// The clean prompt is the task's; the corrupted one has the same template with the answer's cause removed. Both have
// the same length, 1 to n_ctx tokens; every id is below d_vocab. What a request does without (the corrupted prompt, the
// answers) may be empty, in all pairs alike.
struct PromptPair {
  std::vector<int> clean;
  std::vector<int> corrupted;
  std::vector<int> correct;
  std::vector<int> incorrect;
  PromptRoles roles;  // positions of the clean prompt
};

using PromptPairs = std::vector<PromptPair>;

}  // namespace circuitd
