#include "server/model/strict_json.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/model/quote.h"

namespace circuitd {

using nlohmann::json;

absl::StatusOr<json> ParseStrictJson(absl::string_view text, absl::string_view label, int max_depth) {
  std::string error;
  std::vector<std::set<std::string>> keys;  // of each open object or array
  // Returning false makes the parser keep nothing of what follows.
  const json::parser_callback_t watch = [&](int, json::parse_event_t event, json& value) {
    if (!error.empty()) return false;
    switch (event) {
      case json::parse_event_t::object_start:
      case json::parse_event_t::array_start:
        if (static_cast<int>(keys.size()) == max_depth) {
          error = absl::StrCat("nests deeper than ", max_depth, " objects and arrays");
        }
        keys.emplace_back();
        break;
      case json::parse_event_t::object_end:
      case json::parse_event_t::array_end:
        keys.pop_back();
        break;
      case json::parse_event_t::key:
        if (const auto& key = value.get_ref<const std::string&>(); !keys.back().insert(key).second) {
          error = absl::StrCat("has the key ", QuoteName(key), " twice");
        }
        break;
      case json::parse_event_t::value:
        break;
    }
    return error.empty();
  };
  json document;
  // The parser takes a NUL for the end of the text.
  if (const size_t nul = text.find('\0'); nul != absl::string_view::npos) {
    return absl::FailedPreconditionError(absl::StrCat(label, ": is not JSON (at byte ", nul + 1, ")"));
  }
  try {
    document = json::parse(text.begin(), text.end(), watch);
  } catch (const json::parse_error& parse_error) {
    error = absl::StrCat("is not JSON (at byte ", parse_error.byte, ")");
  } catch (const json::exception&) {
    error = "has a number that is out of range";
  }
  if (!error.empty()) return absl::FailedPreconditionError(absl::StrCat(label, ": ", error));
  return document;
}

std::string ShowJson(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  if (value.is_string()) return QuoteName(value.get_ref<const std::string&>());
  return value.dump();
}

}  // namespace circuitd
