// Options that take a whole number from 0.
#pragma once

#include <string>

#include "CLI/CLI.hpp"

namespace circuitd::client {

// Makes `text` the plain decimal number that it is; what is negative or no whole number is said, else "".
std::string CheckCount(std::string& text);

// `value` is an unsigned integer, an optional one, or a vector of them. What is negative, no whole number, or too large
// is wrong usage.
template <typename Value>
CLI::Option* AddCountOption(CLI::App& app, const std::string& name, Value& value, const std::string& description) {
  return app.add_option(name, value, description)->transform(CLI::Validator(CheckCount, ""));
}

}  // namespace circuitd::client
