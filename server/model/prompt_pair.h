// Tokenized clean and corrupted prompts with their answers: what tasks make and circuit algorithms run on.
#pragma once

#include <vector>

namespace circuitd {

// The clean prompt is the task's; the corrupted one has the same template with the answer's cause removed. Both have
// the same length, 1 to n_ctx tokens; every id is below d_vocab; neither answer list is empty.
struct PromptPair {
  std::vector<int> clean;
  std::vector<int> corrupted;
  std::vector<int> correct;
  std::vector<int> incorrect;
};

using PromptPairs = std::vector<PromptPair>;

}  // namespace circuitd
