// A flag that is a whole number from 1 on.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace circuitd {

inline void AddCount(CLI::App& app, const std::string& flag, int& value, const std::string& help,
                     const std::string& group) {
  app.add_option(flag, value, help)
      ->check(CLI::Range(1, 1'000'000).description(""))
      ->type_name("N")
      ->capture_default_str()
      ->group(group);
}

}  // namespace circuitd
