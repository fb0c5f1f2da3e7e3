// The server's flags about jobs.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/service/server_options.h"

namespace CLI {
class App;
}

namespace circuitd {

// As text, until Apply.
class JobFlags {
 public:
  // Adds the flags; their defaults are those of `options`, which outlives the parsing.
  void AddTo(CLI::App& app, ServerOptions& options);
  // What the flags say into the options. INVALID_ARGUMENT names the flag.
  absl::Status Apply(ServerOptions& options) const;

 private:
  std::string retention_;
  std::vector<std::string> weights_;
  double turn_seconds_ = 0;
};

// "30d,10GiB" (either alone, in any order) or "off" to the options' retention. INVALID_ARGUMENT says what is wrong.
absl::Status ParseRetention(const std::string& text, ServerOptions& options);

// Where jobs are kept if no flag says: $XDG_STATE_HOME/circuitd, else ~/.local/state/circuitd; empty without a home.
std::string DefaultDataDir();

}  // namespace circuitd
