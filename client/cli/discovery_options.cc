#include "client/cli/discovery_options.h"

#include "CLI/CLI.hpp"

namespace circuitd::client {

void DiscoveryOptions::AddTo(CLI::App& app) {
  app.add_option("--model,-m", model_, "The model's name")->required();
  prompts_.AddTo(app);
}

}  // namespace circuitd::client
