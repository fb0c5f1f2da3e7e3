// `circuit diff`: what circuits have in common, and each one's score on the others' tasks.
#include <memory>
#include <optional>
#include <utility>

#include "CLI/CLI.hpp"
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
#include "client/cli/json_output.h"
#include "client/cli/output_folder.h"
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
  // Of the evaluation, if there is one.
  std::optional<JobPlan> plan;
};

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
  if (!options.judging.given()) return comparison;
  if (!model) return InvalidField("--model", "needed to score the circuits on prompts");
  ASSIGN_OR_RETURN(comparison.plan, options.judging.Plan(comparison.files));
  return comparison;
}

// comparison.json, with the evaluation if there is one.
std::string ComparisonDocument(const Comparison& comparison, const v1::Job& job) {
  const std::string text = ComparisonJson(comparison.circuits);
  if (!job.has_evaluation()) return text;
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  json["evaluation"] = Json::parse(JsonLine(job.evaluation()), nullptr, /*allow_exceptions=*/false);
  return json.dump(2, ' ', /*ensure_ascii=*/true) + "\n";
}

// The names of the files.
absl::StatusOr<std::vector<std::string>> WriteFiles(CommandContext& context, const Comparison& comparison,
                                                    const std::string& folder) {
  const std::pair<std::string, std::string> files[] = {{"shared.json", CircuitJson(comparison.shared)},
                                                       {"comparison.svg", ComparisonSvg(comparison.circuits)},
                                                       {"comparison.json", ComparisonJson(comparison.circuits)}};
  std::vector<std::string> names;
  for (const auto& [name, text] : files) {
    RETURN_IF_ERROR(WriteText(context, absl::StrCat(folder, "/", name), text));
    names.push_back(name);
  }
  return names;
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
  std::vector<std::string> names;
  if (!options.output.empty()) {
    ASSIGN_OR_RETURN(names, WriteFiles(context, comparison, options.output));
    if (client != nullptr) {
      ASSIGN_OR_RETURN(const std::vector<std::string> fetched,
                       FetchArtifacts(*client, job, options.output, options.force));
      names.insert(names.end(), fetched.begin(), fetched.end());
    }
  }
  if (context.options().json) {
    context.out().Write(ComparisonDocument(comparison, job));
    return kExitOk;
  }
  Report report;
  AddComparison(comparison.circuits, comparison.shared, report);
  if (job.has_evaluation()) AddEvaluation(job, options.judging.top(), report);
  context.out().Write(report.Render(context.out().table_width(), context.out().colour_depth()));
  if (!names.empty()) PrintFiles(context, options.output, names);
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
                   "A folder for shared.json, a circuit of its own, comparison.svg, comparison.json, and "
                   "evaluation.json")
      ->type_name("DIR");
  command->add_flag("--force", options->force, "Write into a folder that is not empty");
  context.Register(command, [&context, options] { return Diff(context, *options); });
}

}  // namespace circuitd::client
