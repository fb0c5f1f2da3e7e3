// Which positions of one prompt an intervention changes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/config.h"
#include "server/patching/intervention.h"

namespace circuitd {

// In ascending order.
struct ChosenPositions {
  std::vector<int> positions;  // of hook points of attention: queries
  std::vector<int> keys;       // of hook points of attention only
};

// INVALID_ARGUMENT, naming the intervention's field ("key_positions.indices[0]"), as SelectPositions.
absl::StatusOr<ChosenPositions> ChoosePositions(const Intervention& intervention, const std::vector<int>& prompt,
                                                const PromptRoles& roles, absl::string_view prompt_name);

// Whether it chooses the same positions in all prompts of a length.
bool ChoosesByLengthOnly(const Intervention& intervention);

// What ChoosePositions costs, in steps of about a nanosecond.
int64_t ChoosingSteps(const Intervention& intervention, size_t prompt_length);

// The chosen heads, in the request's order; all of them where none is named. Of hook points with heads.
std::vector<int> ChosenHeads(const ModelConfig& config, const Intervention& intervention);

// What a prompt's slice looks like to a tensor: [positions, width], [positions, heads, width] or [heads, queries,
// keys].
std::vector<int64_t> SliceShape(const ModelConfig& config, const Intervention& intervention,
                                const ChosenPositions& chosen);

// The roles of a prompt; none where `roles` is empty.
const PromptRoles& RolesOf(const std::vector<PromptRoles>& roles, size_t prompt);

}  // namespace circuitd
