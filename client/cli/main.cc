// `circuit`: the command line over circuitd's client library.
#include <unistd.h>

#include <sstream>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/terminal.h"

namespace circuitd::client {
namespace {

int Main(int argc, char** argv) {
  PrepareStandardStreams();
  Output out(STDOUT_FILENO);
  CommandContext context(out);
  CLI::App app("circuit - circuit analysis of GPT-2 models at a circuitd server", "circuit");
  app.require_subcommand(1);
  app.set_version_flag("--version", "circuit " CIRCUITD_VERSION);
  app.footer(kExitCodeHelp);
  AddCommands(app, context);
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
