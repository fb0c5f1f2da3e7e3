// `circuit`: the command line over circuitd's client library.
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/terminal.h"

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
  app.add_flag("--json", options.json, "JSON on standard output: one document, or, while watching, one object a line");
}

int Main(int argc, char** argv) {
  PrepareStandardStreams();
  Output out(STDOUT_FILENO);
  CommandContext context(out);
  CLI::App app("circuit - circuit analysis of GPT-2 models at a circuitd server", "circuit");
  app.require_subcommand(1);
  app.set_version_flag("--version", "circuit " CIRCUITD_VERSION);
  app.footer(kExitCodeHelp);
  AddGlobalOptions(app, context.options());
  AddPruneCommand(app, context);
  AddJobsCommand(app, context);
  AddWatchCommand(app, context);
  AddFetchCommand(app, context);
  AddCancelCommand(app, context);
  AddModelsCommand(app, context);
  AddTokenizeCommand(app, context);
  AddForwardCommand(app, context);
  AddPatchCommand(app, context);
  AddInfoCommand(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream help;
    std::ostringstream complaint;
    if (app.exit(error, help, complaint) != 0) {
      PrintError(absl::StrCat("circuit: ", error.what()));
      PrintError("Run circuit --help, or circuit COMMAND --help, for more.");
      return kExitUsage;
    }
    out.Write(help.str());
    if (!out.status().ok()) PrintError(ErrorLine(out.status()));
    return ExitCode(out.status());
  }
  const absl::StatusOr<int> exit_code = context.RunParsed();
  if (!exit_code.ok()) {
    PrintError(ErrorLine(exit_code.status()));
    if (absl::IsUnavailable(exit_code.status())) {
      PrintError(absl::StrCat("Is there a server at ", context.options().server,
                              "? Start one with circuitd, or name another with --server or CIRCUITD_SERVER."));
    }
    return ExitCode(exit_code.status());
  }
  if (!out.status().ok() && *exit_code == kExitOk) {
    PrintError(ErrorLine(out.status()));
    return ExitCode(out.status());
  }
  return *exit_code;
}

}  // namespace
}  // namespace circuitd::client

int main(int argc, char** argv) { return circuitd::client::Main(argc, argv); }
