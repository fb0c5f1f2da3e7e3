#include "server/model/index_validation.h"

#include <numeric>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace circuitd {

absl::Status ValidateIndices(absl::string_view field, const std::vector<int>& indices, int count) {
  std::set<int> seen;
  for (size_t k = 0; k < indices.size(); ++k) {
    const std::string name = absl::StrCat(field, "[", k, "]");
    if (indices[k] < 0 || indices[k] >= count) {
      return InvalidField(name, absl::StrCat(indices[k], ", model has ", count, " (0-", count - 1, ")"));
    }
    if (!seen.insert(indices[k]).second) return InvalidField(name, absl::StrCat(indices[k], " is there twice"));
  }
  return absl::OkStatus();
}

std::vector<int> OrAll(const std::vector<int>& chosen, int count) {
  if (!chosen.empty()) return chosen;
  std::vector<int> all(count);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

}  // namespace circuitd
