// What the commands that read or patch a model over a set of prompts share.
#pragma once

#include <memory>
#include <string>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/prompt_source_options.h"
#include "client/cli/result_output.h"
#include "client/client.h"

namespace circuitd::client {

// --model, prompts, --svg, -o.
struct ReadingOptions {
  std::string model;
  PromptSourceOptions prompts;
  ResultOptions result;

  void AddTo(CLI::App& app);
};

// All that a call needs: the server, its prompts there, and the open files.
struct ReadingSession {
  std::unique_ptr<Client> client;
  v1::PromptSource prompts;
  ResultFiles files;
};

// Reads and checks what is local before it connects and uploads.
absl::StatusOr<ReadingSession> BeginReading(CommandContext& context, const ReadingOptions& options);

// "0,3" for an option that names layers or heads; none without it.
CLI::Option* AddIndicesOption(CLI::App& app, const std::string& name, std::vector<uint32_t>& indices,
                              const std::string& description);

// An option that takes positions as ParsePositions does.
CLI::Option* AddPositionsOption(CLI::App& app, const std::string& description);

// Of such an option; nullopt without it.
absl::StatusOr<std::optional<v1::PositionSelector>> ReadPositions(const CLI::Option& option);

}  // namespace circuitd::client
