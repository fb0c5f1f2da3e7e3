#include "client/cli/reading_command.h"

#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/cli/count_option.h"
#include "client/cli/position_text.h"

namespace circuitd::client {

void ReadingOptions::AddTo(CLI::App& app) {
  app.add_option("--model,-m", model, "The model's name")->required();
  prompts.AddWithInlineTo(app);
  result.AddTo(app);
}

absl::StatusOr<ReadingSession> BeginReading(CommandContext& context, const ReadingOptions& options) {
  ReadingSession session;
  ASSIGN_OR_RETURN(const LocalPrompts local, options.prompts.ReadFiles());
  ASSIGN_OR_RETURN(session.prompts, options.prompts.Source());
  ASSIGN_OR_RETURN(session.files, options.result.Open());
  ASSIGN_OR_RETURN(session.client, context.Connect());
  RETURN_IF_ERROR(UploadPrompts(*session.client, local, session.prompts));
  return session;
}

CLI::Option* AddIndicesOption(CLI::App& app, const std::string& name, std::vector<uint32_t>& indices,
                              const std::string& description) {
  return AddCountOption(app, name, indices, description)->delimiter(',')->allow_extra_args(false);
}

CLI::Option* AddPositionsOption(CLI::App& app, const std::string& description) {
  CLI::Option* option = AddRawOption(app, "--positions", description);
  return option->multi_option_policy(CLI::MultiOptionPolicy::Throw)->type_name("POSITIONS");
}

absl::StatusOr<std::optional<v1::PositionSelector>> ReadPositions(const CLI::Option& option) {
  if (option.results().empty()) return std::nullopt;
  absl::StatusOr<v1::PositionSelector> positions = ParsePositions(option.results().front());
  if (!positions.ok()) return WithFieldPrefix(option.get_name(), positions.status());
  return *std::move(positions);
}

}  // namespace circuitd::client
