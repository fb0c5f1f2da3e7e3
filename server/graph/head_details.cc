#include "server/graph/head_details.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/escape_text.h"
#include "base/utf8.h"
#include "nlohmann/json.hpp"
#include "server/graph/json_text.h"
#include "server/graph/node.h"

namespace circuitd {
namespace {

using Json = nlohmann::ordered_json;

// Bytes that JSON can't hold as escapes, all else as it is.
std::string JsonToken(absl::string_view bytes) {
  std::string token;
  while (const std::optional<size_t> bad = FirstInvalidUtf8(bytes)) {
    absl::StrAppend(&token, bytes.substr(0, *bad), EscapeText(bytes.substr(*bad, 1)));
    bytes.remove_prefix(*bad + 1);
  }
  absl::StrAppend(&token, bytes);
  return token;
}

Json TokensJson(const std::vector<std::string>& tokens) {
  Json list = Json::array();
  for (const std::string& token : tokens) list.push_back(JsonToken(token));
  return list;
}

// A mean of what sums to 1 may be beyond it by rounding.
double Decimals(float value) {
  return std::isfinite(value) ? std::round(std::clamp(value, 0.f, 1.f) * 1000) / 1000 : 0;
}

Json PatternJson(const std::vector<float>& pattern, size_t cells) {
  Json rows = Json::array();
  auto value = pattern.begin();
  for (size_t query = 0; query < cells; ++query) {
    Json row = Json::array();
    for (size_t key = 0; key <= query && value != pattern.end(); ++key) row.push_back(Decimals(*value++));
    rows.push_back(std::move(row));
  }
  return rows;
}

Json HeadJson(const HeadDetail& head, const HeadDetails& set) {
  Json writes = Json::array();
  for (const HeadDetail::Writes& written : head.writes) {
    writes.push_back({{"position", written.position},
                      {"token", JsonToken(set.tokens.at(static_cast<size_t>(written.position)))},
                      {"writes", TokensJson(written.tokens)}});
  }
  return {{"name", NodeName(Node::Head(head.layer, head.head))},
          {"layer", head.layer},
          {"head", head.head},
          {"pattern", PatternJson(head.pattern, set.cells())},
          {"writes", std::move(writes)}};
}

// A head a line.
std::string SetText(const HeadDetails& set) {
  std::string text = JsonText({{"label", JsonToken(set.label)},
                               {"prompt_count", set.prompt_count},
                               {"tokens", TokensJson(set.tokens)},
                               {"positions_per_cell", set.positions_per_cell}},
                              -1);
  text.back() = ',';
  const auto head_text = [&](std::string* out, const HeadDetail& head) {
    absl::StrAppend(out, "\n  ", JsonText(HeadJson(head, set), -1));
  };
  absl::StrAppend(&text, "\"heads\":[", absl::StrJoin(set.heads, ",", head_text), "]}");
  return text;
}

}  // namespace

size_t HeadDetails::cells() const {
  const auto per_cell = static_cast<size_t>(positions_per_cell);
  return (tokens.size() + per_cell - 1) / per_cell;
}

std::string HeadDetailsJson(const std::vector<HeadDetails>& sets) {
  const auto set_text = [](std::string* out, const HeadDetails& set) { absl::StrAppend(out, "\n", SetText(set)); };
  return absl::StrCat("{\"schema\": \"", kHeadDetailsSchema, "\", \"sets\": [", absl::StrJoin(sets, ",", set_text),
                      "\n]}\n");
}

}  // namespace circuitd
