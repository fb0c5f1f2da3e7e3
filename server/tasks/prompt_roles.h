// The bounds of what a prompt may call its positions.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/model/position_selector.h"

namespace circuitd {

inline constexpr size_t kMaxRoles = 64;
inline constexpr size_t kMaxRoleNameBytes = 63;

// INVALID_ARGUMENT "what", naming the bound. Thread-safe, as all here.
absl::Status CheckRoleCount(size_t count);
absl::Status CheckRoleName(absl::string_view name);

// Whether the prompt of that many tokens has the positions: INVALID_ARGUMENT `["end"]: 12, "…"` if not.
absl::Status CheckRolePositions(const PromptRoles& roles, size_t prompt_tokens);

}  // namespace circuitd
