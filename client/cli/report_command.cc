// `circuit report`: circuits and what is known of them as a page.
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/escape_text.h"
#include "base/status.h"
#include "client/atomic_file.h"
#include "client/cli/circuit_model_options.h"
#include "client/cli/circuit_source.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/report_sources.h"
#include "nlohmann/json.hpp"

namespace circuitd::client {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct ReportOptions {
  std::vector<std::string> paths;
  CircuitModelOptions model;
  std::string output;
  bool force = false;
};

// -o, or else report.html in the only folder.
absl::StatusOr<std::string> OutputOf(const ReportOptions& options) {
  std::error_code error;
  const bool in_folder = options.paths.size() == 1 && fs::is_directory(options.paths[0], error);
  if (options.output.empty() && !in_folder) {
    return InvalidField("--output", "needed, except with one folder and nothing else");
  }
  const std::string path =
      options.output.empty() ? (fs::path(options.paths[0]) / kReportFile).string() : options.output;
  if (!options.force && fs::exists(path, error)) {
    return InvalidField("--output", absl::StrCat("'", path, "' is there already; --force replaces it"));
  }
  return path;
}

absl::StatusOr<std::vector<ReportFolder>> ReadAll(const std::vector<std::string>& paths) {
  std::vector<ReportFolder> folders;
  std::set<std::string> taken;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(ReportFolder folder, ReadReportSource(path));
    // A folder alone is called by its content, so that the page is the one that the server makes of these files.
    if (paths.size() > 1 || !NamesAFolder(path)) folder.label = FreeLabel(CircuitLabel(path), taken);
    folders.push_back(std::move(folder));
  }
  return folders;
}

absl::StatusOr<int> MakeReport(CommandContext& context, const ReportOptions& options) {
  ASSIGN_OR_RETURN(const std::string path, OutputOf(options));
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  ASSIGN_OR_RETURN(const std::vector<ReportFolder> folders, ReadAll(options.paths));
  ASSIGN_OR_RETURN(const std::optional<CircuitModel> model, options.model.Read(context));
  ASSIGN_OR_RETURN(const ReportContent content, ReadReportFiles(folders, model));
  RETURN_IF_ERROR(file.Write(ReportHtml(content)));
  RETURN_IF_ERROR(file.Commit());
  if (context.options().json) {
    context.out().Write(absl::StrCat(Json({{"file", path}}).dump(-1, ' ', true, Json::error_handler_t::replace), "\n"));
  } else {
    context.out().Write(absl::StrCat("Report: ", EscapeText(path), "\n"));
  }
  return kExitOk;
}

}  // namespace

void AddReportCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "report", "Circuits, how they were found and how they were judged as one page to look at, without a server");
  command->fallthrough();
  auto options = std::make_shared<ReportOptions>();
  command
      ->add_option("paths", options->paths,
                   "Folders of jobs, files of circuits, evaluation.json; - is standard input. One evaluation at most, "
                   "and 16 circuits")
      ->required()
      ->type_name("PATH");
  options->model.AddTo(*command);
  command->add_option("-o,--output", options->output, "The page (default: report.html in the only folder)")
      ->type_name("FILE");
  command->add_flag("--force", options->force, "Replace a file that is there");
  context.Register(command, [&context, options] { return MakeReport(context, *options); });
}

}  // namespace circuitd::client
