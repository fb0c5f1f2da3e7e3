// Options that take one of a few names.
#pragma once

#include <map>
#include <string>

#include "CLI/CLI.hpp"

namespace circuitd::client {

// `value` is an Enum, or a vector of them. The description says which names there are.
template <typename Value, typename Enum>
CLI::Option* AddChoiceOption(CLI::App& app, const std::string& name, Value& value,
                             const std::map<std::string, Enum>& choices, const std::string& description,
                             const std::string& type_name) {
  return app.add_option(name, value, description)
      ->transform(CLI::CheckedTransformer(choices).description(""))
      ->type_name(type_name);
}

}  // namespace circuitd::client
