#include "client/cli/attention_maps.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "client/cli/prompt_options.h"

namespace circuitd::client {
namespace {

bool Matches(absl::string_view pattern, absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(pattern, '*');
  if (parts.size() == 1) return pattern == text;
  if (text.size() < parts.front().size() + parts.back().size() ||
      text.substr(0, parts.front().size()) != parts.front() ||
      text.substr(text.size() - parts.back().size()) != parts.back()) {
    return false;
  }
  text = text.substr(parts.front().size(), text.size() - parts.front().size() - parts.back().size());
  for (size_t i = 1; i + 1 < parts.size(); ++i) {
    const size_t found = text.find(parts[i]);
    if (found == text.npos) return false;
    text.remove_prefix(found + parts[i].size());
  }
  return true;
}

// Positions of the roles that match.
absl::StatusOr<std::vector<uint32_t>> PositionsOf(absl::string_view pattern, const PromptLabels& labels) {
  std::vector<uint32_t> positions;
  for (const auto& [role, position] : labels.roles) {
    if (Matches(pattern, role) && position < labels.tokens.size()) positions.push_back(position);
  }
  if (!positions.empty()) return positions;
  const std::string roles =
      absl::StrJoin(labels.roles, ", ", [](std::string* out, const auto& entry) { absl::StrAppend(out, entry.first); });
  return InvalidField("--highlight", absl::StrCat("no position is called '", pattern,
                                                  "'; there are: ", roles.empty() ? "none" : roles));
}

// The value's index in the list that a server said it answers for.
absl::StatusOr<size_t> IndexOf(const std::vector<uint32_t>& list, uint32_t value, absl::string_view what) {
  const auto found = std::find(list.begin(), list.end(), value);
  if (found == list.end()) return absl::DataLossError(absl::StrCat("the server's reply lacks ", what, " ", value));
  return static_cast<size_t>(found - list.begin());
}

}  // namespace

std::vector<std::string> PositionLabels(const std::vector<v1::Token>& tokens) {
  std::vector<std::string> labels;
  for (size_t i = 0; i < tokens.size(); ++i) labels.push_back(absl::StrCat(i, " ", TokenLabel(tokens[i])));
  return labels;
}

absl::StatusOr<std::vector<HeatMap>> AttentionMaps(const TensorSet& tensors, const AttentionTensor& tensor,
                                                   const std::vector<std::pair<uint32_t, uint32_t>>& chosen,
                                                   const PromptLabels& labels, ColourScale scale) {
  const size_t length = labels.tokens.size();
  ASSIGN_OR_RETURN(
      const std::vector<double> values,
      tensors.Read(tensor.name, {static_cast<int64_t>(tensor.layers.size()), static_cast<int64_t>(tensor.heads.size()),
                                 static_cast<int64_t>(length), static_cast<int64_t>(length)}));
  std::vector<HeatMap> maps;
  for (const auto& [layer, head] : chosen) {
    ASSIGN_OR_RETURN(const size_t row, IndexOf(tensor.layers, layer, "layer"));
    ASSIGN_OR_RETURN(const size_t column, IndexOf(tensor.heads, head, "head"));
    const size_t begin = (row * tensor.heads.size() + column) * length * length;
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(begin);
    maps.push_back({.title = absl::StrCat("A", layer, ".", head, " ", tensor.name),
                    .row_axis = "query",
                    .column_axis = "key",
                    .rows = PositionLabels(labels.tokens),
                    .columns = PositionLabels(labels.tokens),
                    .values = std::vector<double>(first, first + static_cast<std::ptrdiff_t>(length * length)),
                    .scale = scale});
  }
  return maps;
}

absl::Status Highlight(const std::string& text, const PromptLabels& labels, HeatMap& map) {
  const std::string pair = text == "early"                   ? "member_*:member_*"
                           : text == "mid" || text == "late" ? "end:last_member"
                                                             : text;
  const std::vector<std::string> sides = absl::StrSplit(pair, ':');
  if (sides.size() != 2) {
    return InvalidField("--highlight", absl::StrCat("'", text, "' is not QUERY_ROLE:KEY_ROLE, early, mid or late"));
  }
  ASSIGN_OR_RETURN(const std::vector<uint32_t> queries, PositionsOf(sides[0], labels));
  ASSIGN_OR_RETURN(const std::vector<uint32_t> keys, PositionsOf(sides[1], labels));
  for (uint32_t query : queries) {
    for (uint32_t key : keys) {
      if (key <= query) map.outlined.insert({query, key});
    }
  }
  absl::StrAppend(&map.outline_caption, map.outline_caption.empty() ? "" : ", ", pair);
  return absl::OkStatus();
}

}  // namespace circuitd::client
