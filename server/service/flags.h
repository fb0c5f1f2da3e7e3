// The command line of circuitd.
#pragma once

#include <optional>

#include "server/service/server_options.h"

namespace circuitd {

struct ParsedFlags {
  ServerOptions options;
  // Set when there is nothing to serve: --help and --version (0), which are printed already, and errors (2).
  std::optional<int> exit_code;
};

// Prints help, version and errors.
ParsedFlags ParseFlags(int argc, const char* const* argv);

}  // namespace circuitd
