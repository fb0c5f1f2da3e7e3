// `circuit diff`: what circuits have in common, and each one's score on the others' tasks.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "client/cli/circuit_comparison.h"
#include "client/cli/circuit_files.h"
#include "client/cli/circuit_model_options.h"
#include "client/cli/command.h"
#include "client/cli/evaluation_options.h"
#include "client/cli/evaluation_report.h"
#include "client/cli/exit_code.h"
#include "client/cli/job_commands.h"
#include "client/cli/job_options.h"
#include "client/cli/output_folder.h"
#include "client/cli/report_sources.h"
#include "client/local_file.h"
#include "nlohmann/json.hpp"
#include "server/graph/comparison_json.h"
#include "server/graph/comparison_svg.h"

namespace circuitd::client {
namespace {

using Json = nlohmann::ordered_json;

struct DiffOptions {
  std::vector<std::string> files;
  JudgingOptions judging;
  std::string output;
  bool force = false;
};

// What is read before anything is computed.
struct Comparison {
  std::vector<LocalCircuit> files;
  std::vector<ComparedCircuit> circuits;
  CircuitDocument shared;
  // What is known of them, if there is to be a report.
  std::vector<ReportFolder> sources;
  // Of the evaluation, if there is one.
  std::optional<JobPlan> plan;
};

// With the labels of the comparison. INVALID_ARGUMENT for what no report can be made of.
absl::StatusOr<std::vector<ReportFolder>> ReadSources(const DiffOptions& options, const Comparison& comparison) {
  std::vector<ReportFolder> sources;
  if (comparison.files.size() > kMostReportedCircuits) return sources;
  for (size_t i = 0; i < options.files.size(); ++i) {
    ASSIGN_OR_RETURN(ReportFolder source, ReportSourceOfCircuit(options.files[i], *comparison.files[i].bytes));
    source.label = comparison.files[i].source.label();
    sources.push_back(std::move(source));
  }
  RETURN_IF_ERROR(ReadReportFiles(sources, ModelIdentityOf(comparison.circuits[0].document)).status());
  return sources;
}

absl::StatusOr<Comparison> Read(const CommandContext& context, const DiffOptions& options) {
  if (const CLI::Option* idle = options.judging.IdleOption(); idle != nullptr) {
    return InvalidField(idle->get_name(), "only with prompts: --task or --prompts");
  }
  Comparison comparison;
  ASSIGN_OR_RETURN(comparison.files, ReadCircuitFiles(options.files));
  std::optional<CircuitModel> model;
  if (!options.judging.model().empty()) {
    ASSIGN_OR_RETURN(const auto client, context.Connect());
    ASSIGN_OR_RETURN(model, AskForModel(*client, options.judging.model()));
  }
  ASSIGN_OR_RETURN(comparison.circuits, ParseCompared(options.files, comparison.files, model));
  const std::string now = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone());
  ASSIGN_OR_RETURN(comparison.shared, SharedDocument(comparison.circuits, now));
  if (!options.output.empty()) {
    ASSIGN_OR_RETURN(comparison.sources, ReadSources(options, comparison));
  }
  if (!options.judging.given()) return comparison;
  if (!model) return InvalidField("--model", "needed to score the circuits on prompts");
  ASSIGN_OR_RETURN(comparison.plan, options.judging.Plan(comparison.files));
  return comparison;
}

// comparison.json, with evaluation.json in `folder` in it if there was an evaluation.
absl::StatusOr<std::string> ComparisonDocument(const Comparison& comparison, const v1::Job& job,
                                               const std::string& folder) {
  const std::string text = ComparisonJson(comparison.circuits);
  if (!job.has_evaluation()) return text;
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(absl::StrCat(folder, "/evaluation.json")));
  Json evaluation = Json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (evaluation.is_discarded()) return absl::DataLossError("evaluation.json: the server's file is no JSON");
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  json["evaluation"] = std::move(evaluation);
  return json.dump(2, ' ', /*ensure_ascii=*/true) + "\n";
}

// The report's page, with the evaluation if there was one, whose files, `fetched`, are in `folder`. The server's page
// doesn't have what is beside the circuits here: how they were found.
absl::StatusOr<std::string> ReportPage(const Comparison& comparison, const v1::Job& job, const std::string& folder,
                                       const std::vector<std::string>& fetched) {
  std::vector<ReportFolder> sources = comparison.sources;
  if (job.has_evaluation()) {
    ASSIGN_OR_RETURN(ReportFolder evaluation, ReadEvaluationSource(folder));
    // The folder may have an earlier job's.
    std::erase_if(evaluation.files, [&](const ReportFile& file) {
      return std::find(fetched.begin(), fetched.end(), file.name) == fetched.end();
    });
    // Where the server left none: these were judged, in this order.
    for (size_t i = 0; i < comparison.circuits.size(); ++i) {
      const std::string name = JudgedCircuitFile(i);
      const auto is_it = [&](const ReportFile& file) { return file.name == name; };
      if (std::any_of(evaluation.files.begin(), evaluation.files.end(), is_it)) continue;
      evaluation.files.push_back({name, CircuitJson(comparison.circuits[i].document), ""});
    }
    sources.push_back(std::move(evaluation));
  }
  ASSIGN_OR_RETURN(const ReportContent content,
                   ReadReportFiles(sources, ModelIdentityOf(comparison.circuits[0].document)));
  return ReportHtml(content);
}

// What a comparison writes, and prints with --json.
struct Written {
  std::string document;
  // In the folder.
  std::vector<std::string> names;
};

absl::StatusOr<Written> WriteFiles(CommandContext& context, const DiffOptions& options, const Comparison& comparison,
                                   Client* client, const v1::Job& job) {
  Written written;
  std::vector<std::string> fetched;
  if (client != nullptr) {
    ASSIGN_OR_RETURN(fetched, FetchArtifacts(*client, job, options.output, options.force));
  }
  ASSIGN_OR_RETURN(written.document, ComparisonDocument(comparison, job, options.output));
  const std::pair<std::string, std::string> files[] = {{"circuit.json", CircuitJson(comparison.shared)},
                                                       {"comparison.svg", ComparisonSvg(comparison.circuits)},
                                                       {"comparison.json", written.document}};
  for (const auto& [name, text] : files) {
    RETURN_IF_ERROR(WriteText(context, absl::StrCat(options.output, "/", name), text));
    written.names.push_back(name);
  }
  if (!comparison.sources.empty()) {
    ASSIGN_OR_RETURN(const std::string page, ReportPage(comparison, job, options.output, fetched));
    RETURN_IF_ERROR(WriteText(context, absl::StrCat(options.output, "/", kReportFile), page));
    std::erase(fetched, kReportFile);
    written.names.push_back(kReportFile);
  }
  written.names.insert(written.names.end(), fetched.begin(), fetched.end());
  return written;
}

// Without a folder to keep: the evaluation's file passes through one of its own.
absl::StatusOr<std::string> DocumentAlone(const Comparison& comparison, Client* client, const v1::Job& job) {
  if (client == nullptr) return ComparisonDocument(comparison, job, "");
  std::string folder = (std::filesystem::temp_directory_path() / "circuit-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return ErrnoStatus("cannot make", folder);
  const absl::Cleanup remove = [&] {
    std::error_code error;
    std::filesystem::remove_all(folder, error);
  };
  RETURN_IF_ERROR(FetchArtifacts(*client, job, folder, /*force=*/true).status());
  return ComparisonDocument(comparison, job, folder);
}

// With the folder tried, if there is one.
absl::StatusOr<int> Compare(CommandContext& context, const DiffOptions& options, const Comparison& comparison) {
  v1::Job job;
  std::unique_ptr<Client> client;
  if (comparison.plan) {
    ASSIGN_OR_RETURN(client, context.Connect());
    ASSIGN_OR_RETURN(const v1::SubmitJobRequest request,
                     MakeSubmitRequest(JobOptions(), comparison.plan->spec, absl::Now()));
    WatchOptions watch;
    watch.json_messages = false;
    ASSIGN_OR_RETURN(const Watched watched, SubmitAndWatch(context, *client, *comparison.plan, request, watch));
    if (const int exit_code = ReportEnd(watched); exit_code != kExitOk) return exit_code;
    job = watched.job;
  }
  Written written;
  if (!options.output.empty()) {
    ASSIGN_OR_RETURN(written, WriteFiles(context, options, comparison, client.get(), job));
  } else if (context.options().json) {
    ASSIGN_OR_RETURN(written.document, DocumentAlone(comparison, client.get(), job));
  }
  if (context.options().json) {
    context.out().Write(written.document);
    return kExitOk;
  }
  Report report;
  AddComparison(comparison.circuits, comparison.shared, report);
  if (job.has_evaluation()) AddEvaluation(job, options.judging.top(), report);
  context.out().Write(report.Render(context.out().table_width(), context.out().colour_depth()));
  if (!written.names.empty()) PrintFiles(context, options.output, written.names);
  return kExitOk;
}

absl::StatusOr<int> Diff(CommandContext& context, const DiffOptions& options) {
  ASSIGN_OR_RETURN(const Comparison comparison, Read(context, options));
  if (options.output.empty()) return Compare(context, options, comparison);
  ASSIGN_OR_RETURN(OutputFolder folder, OutputFolder::Prepare(options.output, options.force));
  const absl::StatusOr<int> exit_code = Compare(context, options, comparison);
  if (!exit_code.ok() || *exit_code != kExitOk) folder.Abandon();
  return exit_code;
}

}  // namespace

void AddDiffCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "diff", "Compare circuits: what they share, and, with prompts, every circuit's score on every task");
  command->fallthrough();
  auto options = std::make_shared<DiffOptions>();
  command->add_option("circuits", options->files, "Files of circuits, or folders with circuit.json; two or more")
      ->required()
      ->expected(2, CLI::detail::expected_max_vector_size)
      ->type_name("FILE");
  options->judging.AddTo(*command);
  command
      ->add_option("-o,--output", options->output,
                   "A folder for circuit.json, a circuit of its own, comparison.svg, comparison.json, "
                   "report.html, and evaluation.json")
      ->type_name("DIR");
  command->add_flag("--force", options->force, "Write into a folder that is not empty");
  context.Register(command, [&context, options] { return Diff(context, *options); });
}

}  // namespace circuitd::client
