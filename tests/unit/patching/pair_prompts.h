// Pairs of prompts for tests of patching on the tiny model.
#pragma once

#include <utility>
#include <vector>

#include "server/model/prompt_pair.h"

namespace circuitd::testing {

// Lengths 5, 3 and 8; the prompts of a pair differ from positions 1, 0 and 3 on, and the last pair's in one token only.
inline PromptPairs MixedPairs() {
  return {{{1, 2, 3, 4, 5}, {1, 7, 3, 9, 5}, {6, 7}, {8}, {}},
          {{9, 8, 7}, {6, 5, 7}, {1}, {2, 3}, {}},
          {{4, 4, 11, 12, 13, 14, 2, 3}, {4, 4, 11, 20, 13, 14, 2, 3}, {15}, {16}, {}}};
}

// MixedPairs and one whose prompts are the same.
inline PromptPairs MixedPairsAndEqualOne() {
  PromptPairs pairs = MixedPairs();
  pairs.insert(pairs.begin() + 1, {{3, 1, 4, 1}, {3, 1, 4, 1}, {5}, {9}, {}});
  return pairs;
}

}  // namespace circuitd::testing
