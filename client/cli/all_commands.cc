// All commands of `circuit`, and the options that they share.
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "client/cli/command.h"

namespace circuitd::client {
namespace {

std::string UserName() {
  if (const char* user = std::getenv("USER"); user != nullptr && *user != '\0') return user;
  const passwd* entry = getpwuid(getuid());
  return entry != nullptr ? entry->pw_name : "";
}

void AddGlobalOptions(CLI::App& app, GlobalOptions& options) {
  options.user = UserName();
  app.add_option("--server,-s", options.server, "The server's address")
      ->envname("CIRCUITD_SERVER")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_option("--user", options.user, "Whose jobs these are (default: $USER)")->type_name("NAME");
  app.add_option("--timeout", options.connect_seconds, "Seconds to wait for a connection")->capture_default_str();
  app.add_option("--call-timeout", options.call_seconds,
                 "Seconds that a call may take (0: no limit); watching and fetching take as long as they need")
      ->capture_default_str();
  app.add_option_function<std::string>(
         "--retry-for",
         [&options](const std::string& text) {
           const std::optional<absl::Duration> duration = ParseSeconds(text);
           if (!duration) throw CLI::ValidationError("--retry-for", "'" + text + "' is neither seconds nor a duration");
           options.retry_for = *duration;
         },
         "How long calls that no server answers are tried again: seconds, or 1m30s; 0: not at all")
      ->envname("CIRCUITD_RETRY_FOR")
      ->type_name("TIME")
      ->default_str("3");
  app.add_flag("--json", options.json, "JSON on standard output: one document, or, while watching, one object a line");
}

}  // namespace

void AddCommands(CLI::App& app, CommandContext& context) {
  AddGlobalOptions(app, context.options());
  AddPruneCommand(app, context);
  AddEdgesCommand(app, context);
  AddAcdcCommand(app, context);
  AddEapCommand(app, context);
  AddEvalCommand(app, context);
  AddDiffCommand(app, context);
  AddReportCommand(app, context);
  AddExportCommand(app, context);
  AddImportCommand(app, context);
  AddSubmitCommand(app, context);
  AddJobsCommand(app, context);
  AddWatchCommand(app, context);
  AddFetchCommand(app, context);
  AddCancelCommand(app, context);
  AddRmCommand(app, context);
  AddModelsCommand(app, context);
  AddTokenizeCommand(app, context);
  AddForwardCommand(app, context);
  AddPatchCommand(app, context);
  AddLensCommand(app, context);
  AddAttnCommand(app, context);
  AddDlaCommand(app, context);
  AddOvCommand(app, context);
  AddSweepCommand(app, context);
  AddPathCommand(app, context);
  AddTaskCommand(app, context);
  AddTopCommand(app, context);
  AddInfoCommand(app, context);
}

}  // namespace circuitd::client
