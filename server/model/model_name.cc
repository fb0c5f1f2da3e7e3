#include "server/model/model_name.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/utf8.h"
#include "server/model/quote.h"

namespace circuitd {
namespace {

constexpr size_t kMaxNameBytes = 200;

// Groups of names that mean one model; the first is canonical.
const std::vector<std::vector<std::string>>& AliasGroups() {
  static const auto& groups =
      *new std::vector<std::vector<std::string>>{{"gpt2", "gpt2-small", "openai-community/gpt2"},
                                                 {"gpt2-medium", "openai-community/gpt2-medium"},
                                                 {"gpt2-large", "openai-community/gpt2-large"},
                                                 {"gpt2-xl", "openai-community/gpt2-xl"}};
  return groups;
}

}  // namespace

absl::Status ValidateModelName(absl::string_view name) {
  const auto invalid = [&](absl::string_view why) {
    return InvalidField("model", absl::StrCat(QuoteName(name), ", ", why));
  };
  if (name.empty()) return InvalidField("model", "empty, must be a model's name");
  if (name.size() > kMaxNameBytes) {
    return invalid(absl::StrCat("has ", name.size(), " bytes, at most ", kMaxNameBytes, " are allowed"));
  }
  if (const auto offset = FirstInvalidUtf8(name)) return invalid(absl::StrCat("is not UTF-8 at byte ", *offset));
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '\\') {
      return invalid("must not have control characters or backslashes");
    }
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  for (const absl::string_view part : parts) {
    if (part.empty() || part == "." || part == "..") return invalid("must be NAME or ORG/NAME, a path is not accepted");
  }
  if (parts.size() > 2) return invalid("must be NAME or ORG/NAME, a path is not accepted");
  return absl::OkStatus();
}

std::string CanonicalModelName(absl::string_view name) {
  for (const auto& group : AliasGroups()) {
    if (std::find(group.begin(), group.end(), name) != group.end()) return group.front();
  }
  return std::string(name);
}

std::vector<std::string> ModelAliases(absl::string_view canonical_name) {
  for (const auto& group : AliasGroups()) {
    if (group.front() == canonical_name) return {group.begin() + 1, group.end()};
  }
  return {};
}

}  // namespace circuitd
