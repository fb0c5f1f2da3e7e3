// Which positions of a prompt a request means: by number, by token, or by the name that the prompt gives them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace circuitd {

// Positions of one prompt that have a name: "last_member" at 17.
using PromptRoles = std::map<std::string, int>;

// All that one of the lists names; all positions if the three are empty.
struct PositionSelector {
  std::vector<int> indices;  // from 0; negative ones from the prompt's end
  std::vector<int> tokens;   // every position that has one of these
  std::vector<std::string> roles;

  bool selects_all() const { return indices.empty() && tokens.empty() && roles.empty(); }
  // Whether the positions are the same in all prompts of a length.
  bool depends_on_length_only() const { return tokens.empty() && roles.empty(); }
};

// The positions in ascending order, each once. INVALID_ARGUMENT, naming the selector's field ("indices[2]: 17, the
// prompt has 12 tokens"), if the prompt lacks an index, a token or a role, if two indices mean the same position, or if
// a token or a role is there twice. `prompt_name` is how the message calls the prompt.
absl::StatusOr<std::vector<int>> SelectPositions(const PositionSelector& selector, const std::vector<int>& prompt,
                                                 const PromptRoles& roles,
                                                 absl::string_view prompt_name = "the prompt");

// Those of each prompt, which messages call "prompts[3]". `roles` has one entry a prompt, or none.
absl::StatusOr<std::vector<std::vector<int>>> SelectPositionsOfAll(const PositionSelector& selector,
                                                                   absl::Span<const std::vector<int>> prompts,
                                                                   absl::Span<const PromptRoles> roles);

}  // namespace circuitd
