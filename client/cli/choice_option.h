// Options that take one of a few names.
#pragma once

#include <map>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace circuitd::client {

// `value` is an Enum, or a vector of them. Any other text than one of the names is wrong usage, said with all of them.
// The description says which names there are.
template <typename Value, typename Enum>
CLI::Option* AddChoiceOption(CLI::App& app, const std::string& name, Value& value,
                             const std::map<std::string, Enum>& choices, const std::string& description,
                             const std::string& type_name) {
  // The parser reads enums as numbers.
  const auto to_number = [choices](std::string& text) -> std::string {
    if (const auto choice = choices.find(text); choice != choices.end()) {
      text = absl::StrCat(static_cast<int>(choice->second));
      return "";
    }
    const std::string names =
        absl::StrJoin(choices, ", ", [](std::string* out, const auto& choice) { absl::StrAppend(out, choice.first); });
    return absl::StrCat("'", text, "' is none of ", names);
  };
  return app.add_option(name, value, description)->transform(CLI::Validator(to_number, ""))->type_name(type_name);
}

}  // namespace circuitd::client
