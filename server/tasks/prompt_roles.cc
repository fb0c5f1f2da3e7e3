// The bounds of what a prompt may call its positions.
#include "server/tasks/prompt_roles.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/quote.h"

namespace circuitd {

absl::Status CheckRoleCount(size_t count) {
  if (count <= kMaxRoles) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(count, " roles, a prompt has at most ", kMaxRoles));
}

absl::Status CheckRoleName(absl::string_view name) {
  if (!name.empty() && name.size() <= kMaxRoleNameBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(QuoteName(name), " has ", name.size(), " bytes, a role's name has 1-", kMaxRoleNameBytes));
}

absl::Status CheckRolePositions(const PromptRoles& roles, size_t prompt_tokens) {
  for (const auto& [name, position] : roles) {
    if (position >= 0 && static_cast<size_t>(position) < prompt_tokens) continue;
    return InvalidField(absl::StrCat("[", QuoteName(name), "]"),
                        absl::StrCat(position, ", the prompt has ", prompt_tokens, " tokens (0-",
                                     static_cast<int64_t>(prompt_tokens) - 1, ")"));
  }
  return absl::OkStatus();
}

}  // namespace circuitd
