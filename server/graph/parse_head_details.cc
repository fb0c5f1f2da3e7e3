// From the text of heads.json to what it says.
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/graph/head_details.h"
#include "server/graph/json_fields.h"
#include "server/graph/node.h"
#include "server/model/strict_json.h"

namespace circuitd {
namespace {

using nlohmann::json;

constexpr size_t kMostValues = size_t{8} << 20;

absl::StatusOr<std::vector<std::string>> ReadTokens(const JsonFields& fields, const char* key, size_t max) {
  ASSIGN_OR_RETURN(const json* const list, fields.Array(key, max));
  std::vector<std::string> tokens;
  for (const json& token : *list) {
    if (!token.is_string()) {
      return InvalidField(fields.Place(key, tokens.size()), absl::StrCat(ShowJson(token), ", must be a string"));
    }
    tokens.push_back(token.get<std::string>());
  }
  return tokens;
}

absl::StatusOr<std::vector<float>> ReadPattern(const JsonFields& fields, size_t cells) {
  ASSIGN_OR_RETURN(const json* const rows, fields.Array("pattern"));
  if (rows->size() != cells) {
    return InvalidField(fields.Place("pattern"), absl::StrCat("has ", rows->size(), " rows, must have ", cells));
  }
  std::vector<float> pattern;
  for (size_t query = 0; query < cells; ++query) {
    const json& row = (*rows)[query];
    const std::string place = fields.Place("pattern", query);
    if (!row.is_array() || row.size() != query + 1) {
      return InvalidField(place, absl::StrCat("must be an array of ", query + 1, " numbers"));
    }
    for (const json& value : row) {
      if (!value.is_number() || !(value.get<double>() >= 0 && value.get<double>() <= 1)) {
        return InvalidField(place, absl::StrCat("has ", ShowJson(value), ", must have numbers of 0 to 1"));
      }
      pattern.push_back(value.get<float>());
    }
  }
  return pattern;
}

absl::StatusOr<HeadDetail> ReadHead(const JsonFields& fields, const HeadDetails& set, const ModelConfig& config) {
  HeadDetail head;
  ASSIGN_OR_RETURN(const int64_t layer, fields.Count("layer", 0, config.n_layers - 1));
  ASSIGN_OR_RETURN(const int64_t number, fields.Count("head", 0, config.n_heads - 1));
  head.layer = static_cast<int>(layer);
  head.head = static_cast<int>(number);
  std::string name = NodeName(Node::Head(head.layer, head.head));
  const std::string by_numbers = name;
  RETURN_IF_ERROR(fields.Read("name", &name));
  if (name != by_numbers) return fields.Refuse("name", absl::StrCat("must be ", by_numbers));
  ASSIGN_OR_RETURN(head.pattern, ReadPattern(fields, set.cells()));
  if (fields.Find("writes") == nullptr) return head;
  ASSIGN_OR_RETURN(const json* const list, fields.Array("writes", set.tokens.size()));
  for (const json& entry : *list) {
    ASSIGN_OR_RETURN(const JsonFields written, JsonFields::Of(entry, fields.Place("writes", head.writes.size())));
    HeadDetail::Writes writes;
    ASSIGN_OR_RETURN(const int64_t position, written.Count("position", 0, static_cast<int64_t>(set.tokens.size()) - 1));
    writes.position = static_cast<int>(position);
    ASSIGN_OR_RETURN(writes.tokens, ReadTokens(written, "writes", kMostWrittenTokens));
    head.writes.push_back(std::move(writes));
  }
  return head;
}

absl::StatusOr<HeadDetails> ReadSet(const JsonFields& fields, const ModelConfig& config) {
  HeadDetails set;
  ASSIGN_OR_RETURN(set.label, fields.Text("label"));
  ASSIGN_OR_RETURN(set.prompt_count, fields.Count("prompt_count"));
  ASSIGN_OR_RETURN(set.tokens, ReadTokens(fields, "tokens", kMostDetailedTokens));
  ASSIGN_OR_RETURN(const int64_t per_cell,
                   fields.Count("positions_per_cell", 1, static_cast<int64_t>(kMostDetailedTokens)));
  set.positions_per_cell = static_cast<int>(per_cell);
  if (set.cells() > kMostPatternCells) {
    return fields.Refuse("positions_per_cell", absl::StrCat("makes ", set.cells(), " cells of ", set.tokens.size(),
                                                            " tokens, must make at most ", kMostPatternCells));
  }
  ASSIGN_OR_RETURN(const json* const heads, fields.Array("heads", kMostDetailedHeads));
  std::set<std::pair<int, int>> seen;
  for (const json& entry : *heads) {
    const std::string place = fields.Place("heads", set.heads.size());
    ASSIGN_OR_RETURN(const JsonFields head_fields, JsonFields::Of(entry, place));
    ASSIGN_OR_RETURN(HeadDetail head, ReadHead(head_fields, set, config));
    if (!seen.insert({head.layer, head.head}).second) return InvalidField(place, "is of a head that was there before");
    set.heads.push_back(std::move(head));
  }
  std::sort(set.heads.begin(), set.heads.end(), [](const HeadDetail& a, const HeadDetail& b) {
    return std::pair(a.layer, a.head) < std::pair(b.layer, b.head);
  });
  return set;
}

}  // namespace

absl::StatusOr<std::vector<HeadDetails>> ParseHeadDetails(absl::string_view text, const ModelConfig& config) {
  ASSIGN_OR_RETURN(const json file, ParseFileObject(text, kMaxHeadDetailsBytes, kMostValues));
  ASSIGN_OR_RETURN(const JsonFields fields, JsonFields::Of(file, ""));
  ASSIGN_OR_RETURN(const std::string schema, fields.Text("schema"));
  if (schema != kHeadDetailsSchema) return fields.Refuse("schema", absl::StrCat("must be ", kHeadDetailsSchema));
  ASSIGN_OR_RETURN(const json* const list, fields.Array("sets", kMostHeadSets));
  std::vector<HeadDetails> sets;
  for (const json& entry : *list) {
    ASSIGN_OR_RETURN(const JsonFields set, JsonFields::Of(entry, fields.Place("sets", sets.size())));
    ASSIGN_OR_RETURN(HeadDetails details, ReadSet(set, config));
    sets.push_back(std::move(details));
  }
  return sets;
}

}  // namespace circuitd
