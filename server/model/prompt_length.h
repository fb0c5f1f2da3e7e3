// The length that prompts are padded to.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>

namespace circuitd {

// Tokens of the longest prompt, 0 of none. `prompt_of` takes an entry of `prompts` to its tokens.
template <typename Prompts, typename PromptOf = std::identity>
size_t LongestPrompt(const Prompts& prompts, PromptOf prompt_of = {}) {
  size_t longest = 0;
  for (const auto& prompt : prompts) longest = std::max(longest, std::invoke(prompt_of, prompt).size());
  return longest;
}

}  // namespace circuitd
