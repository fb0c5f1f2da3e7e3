#include "server/model/position_selector.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/quote.h"

namespace circuitd {
namespace {

// Collects one prompt's positions. Entries that are there twice are refused, so that however long a hostile list is, no
// more of it is read than a prompt can have.
class Selection {
 public:
  Selection(const std::vector<int>& prompt, absl::string_view prompt_name)
      : prompt_(prompt), prompt_name_(prompt_name), selected_(prompt.size()) {}

  absl::Status AddIndices(const std::vector<int>& indices) {
    const int length = static_cast<int>(prompt_.size());
    for (size_t k = 0; k < indices.size(); ++k) {
      if (indices[k] < -length || indices[k] >= length) {
        return InvalidField(Entry("indices", k),
                            absl::StrCat(indices[k], ", ", prompt_name_, " has ", length, " tokens"));
      }
      const int position = indices[k] < 0 ? length + indices[k] : indices[k];
      if (selected_[position]) {
        return InvalidField(Entry("indices", k), absl::StrCat(indices[k], ", position ", position, " of ", prompt_name_,
                                                              " is there already"));
      }
      selected_[position] = true;
    }
    return absl::OkStatus();
  }

  absl::Status AddTokens(const std::vector<int>& tokens) {
    if (tokens.empty()) return absl::OkStatus();
    std::vector<int> sorted = prompt_;
    std::sort(sorted.begin(), sorted.end());
    std::set<int> wanted;
    for (size_t k = 0; k < tokens.size(); ++k) {
      if (!std::binary_search(sorted.begin(), sorted.end(), tokens[k])) {
        return InvalidField(Entry("tokens", k), absl::StrCat(prompt_name_, " has no token ", tokens[k]));
      }
      if (!wanted.insert(tokens[k]).second) {
        return InvalidField(Entry("tokens", k), absl::StrCat(tokens[k], " is there twice"));
      }
    }
    for (size_t position = 0; position < prompt_.size(); ++position) {
      if (wanted.count(prompt_[position]) > 0) selected_[position] = true;
    }
    return absl::OkStatus();
  }

  absl::Status AddRoles(const std::vector<std::string>& names, const PromptRoles& roles) {
    std::set<absl::string_view> seen;
    for (size_t k = 0; k < names.size(); ++k) {
      const auto role = roles.find(names[k]);
      if (role == roles.end()) {
        return InvalidField(Entry("roles", k), absl::StrCat(prompt_name_, " has no role ", QuoteName(names[k])));
      }
      if (!seen.insert(names[k]).second) {
        return InvalidField(Entry("roles", k), absl::StrCat(QuoteName(names[k]), " is there twice"));
      }
      if (role->second < 0 || static_cast<size_t>(role->second) >= prompt_.size()) {
        return InvalidField(Entry("roles", k), absl::StrCat(QuoteName(names[k]), " is position ", role->second, ", ",
                                                            prompt_name_, " has ", prompt_.size(), " tokens"));
      }
      selected_[role->second] = true;
    }
    return absl::OkStatus();
  }

  std::vector<int> Positions() const {
    std::vector<int> positions;
    for (size_t i = 0; i < selected_.size(); ++i) {
      if (selected_[i]) positions.push_back(static_cast<int>(i));
    }
    return positions;
  }

 private:
  static std::string Entry(absl::string_view list, size_t k) { return absl::StrCat(list, "[", k, "]"); }

  const std::vector<int>& prompt_;
  const absl::string_view prompt_name_;
  std::vector<bool> selected_;
};

}  // namespace

absl::StatusOr<std::vector<int>> SelectPositions(const PositionSelector& selector, const std::vector<int>& prompt,
                                                 const PromptRoles& roles, absl::string_view prompt_name) {
  if (selector.selects_all()) {
    std::vector<int> all(prompt.size());
    std::iota(all.begin(), all.end(), 0);
    return all;
  }
  Selection selection(prompt, prompt_name);
  RETURN_IF_ERROR(selection.AddIndices(selector.indices));
  RETURN_IF_ERROR(selection.AddTokens(selector.tokens));
  RETURN_IF_ERROR(selection.AddRoles(selector.roles, roles));
  return selection.Positions();
}

absl::StatusOr<std::vector<std::vector<int>>> SelectPositionsOfAll(const PositionSelector& selector,
                                                                   absl::Span<const std::vector<int>> prompts,
                                                                   absl::Span<const PromptRoles> roles) {
  static const PromptRoles none;
  std::vector<std::vector<int>> positions;
  positions.reserve(prompts.size());
  for (size_t i = 0; i < prompts.size(); ++i) {
    ASSIGN_OR_RETURN(std::vector<int> selected, SelectPositions(selector, prompts[i], roles.empty() ? none : roles[i],
                                                                absl::StrCat("prompts[", i, "]")));
    positions.push_back(std::move(selected));
  }
  return positions;
}

}  // namespace circuitd
