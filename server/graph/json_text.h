// JSON as the project's files are written: keys in their order, one long list's entry a line.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace circuitd {

// Indented by two; with `indent` -1 on one line. Malformed UTF-8 is replaced, never thrown at; a number that is not
// finite is written as null.
std::string JsonText(const nlohmann::ordered_json& json, int indent);

// An object in `text` as JSON; null if it is none.
nlohmann::ordered_json JsonObjectOf(absl::string_view text);

// Writes an object whose values may be lists too long to be held as JSON.
class JsonObjectWriter {
 public:
  // A value, indented.
  void Add(absl::string_view key, const nlohmann::ordered_json& value);
  // A list of entries, each on its line; `entries` holds them as JSON texts that each end with ",\n", `open` and
  // `close` are its brackets.
  void AddList(absl::string_view key, char open, absl::string_view entries, char close);
  // With a newline at the end.
  std::string Finish() &&;

 private:
  void AddKey(absl::string_view key);

  std::string text_ = "{";
};

}  // namespace circuitd
