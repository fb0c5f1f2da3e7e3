#include "client/cli/command.h"

#include <cmath>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/cli/json_output.h"
#include "client/cli/table.h"

namespace circuitd::client {

absl::StatusOr<std::unique_ptr<Client>> CommandContext::MakeClient(std::shared_ptr<grpc::Channel> channel) const {
  ClientOptions client_options;
  client_options.user = options_.user;
  if (options_.call_seconds > 0) client_options.call_timeout = absl::Seconds(options_.call_seconds);
  client_options.retry.give_up_after = options_.retry_for;
  client_options.on_retry = [said = retry_said_, line = RetryLine(options_)](const absl::Status&, absl::Duration) {
    if (!said->exchange(true)) PrintError(line);
  };
  return Client::Create(std::move(channel), std::move(client_options));
}

absl::StatusOr<std::unique_ptr<Client>> CommandContext::MakeClient() const {
  return MakeClient(MakeChannel(options_.server));
}

absl::StatusOr<std::unique_ptr<Client>> CommandContext::Connect() const {
  const std::shared_ptr<grpc::Channel> channel = MakeChannel(options_.server);
  ASSIGN_OR_RETURN(std::unique_ptr<Client> client, MakeClient(channel));
  RETURN_IF_ERROR(AwaitConnection(*channel, options_.server, absl::Seconds(options_.connect_seconds)));
  return client;
}

absl::StatusOr<int> CommandContext::RunParsed() const {
  const Entry* innermost = nullptr;
  for (const Entry& entry : runs_) {
    if (entry.app->parsed()) innermost = &entry;
  }
  if (innermost == nullptr) return absl::InvalidArgumentError("no command");
  return innermost->run();
}

void CommandContext::Print(const Table& table) { out_.Write(table.Render(out_.table_width(), out_.colour())); }

void CommandContext::PrintJson(const google::protobuf::Message& message) { out_.Write(JsonDocument(message)); }

CLI::Option* AddRawOption(CLI::App& app, const std::string& name, const std::string& description) {
  CLI::Option* option = app.add_option(name, CLI::callback_t([](const CLI::results_t&) { return true; }), description);
  const bool positional = !absl::StartsWith(name, "-");
  option->type_name("TEXT")->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  // CLI11 takes arguments for a positional up to the lowest number it expects, and demands none of them.
  if (positional) option->expected(CLI::detail::expected_max_vector_size, CLI::detail::expected_max_vector_size);
  option->allow_extra_args(false);
  return option;
}

std::optional<absl::Duration> ParseSeconds(absl::string_view text) {
  double seconds = 0;
  absl::Duration duration;
  if (absl::SimpleAtod(text, &seconds) && !std::isnan(seconds)) {
    duration = absl::Seconds(seconds);
  } else if (!absl::ParseDuration(text, &duration)) {
    return std::nullopt;
  }
  if (duration < absl::ZeroDuration()) return std::nullopt;
  return duration;
}

std::string RetryLine(const GlobalOptions& options) {
  return absl::StrCat("circuit: no answer from ", options.server, "; trying again for ",
                      absl::FormatDuration(options.retry_for));
}

std::string JobName(const std::string& argument) {
  return absl::StartsWith(argument, "jobs/") ? argument : absl::StrCat("jobs/", argument);
}

}  // namespace circuitd::client
