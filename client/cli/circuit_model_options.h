// Options that say which model a circuit's file is about.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "client/cli/circuit_model.h"
#include "client/cli/command.h"
#include "client/client.h"

namespace circuitd::client {

// The server's model of this name, which it loads if it isn't loaded yet. DATA_LOSS for one without dimensions.
absl::StatusOr<CircuitModel> AskForModel(Client& client, const std::string& name);

// --model, or --layers and --heads.
class CircuitModelOptions {
 public:
  void AddTo(CLI::App& app);
  // nullopt without the options. Asks the server for --model.
  absl::StatusOr<std::optional<CircuitModel>> Read(const CommandContext& context) const;

 private:
  std::string model_;
  int layers_ = 0;
  int heads_ = 0;
};

}  // namespace circuitd::client
