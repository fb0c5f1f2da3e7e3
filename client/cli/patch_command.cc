// `circuit patch`: a run with some activations replaced.
#include <memory>
#include <optional>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/intervention_text.h"
#include "client/cli/logits_options.h"
#include "client/cli/metric_options.h"
#include "client/cli/metric_table.h"
#include "client/cli/position_text.h"
#include "client/cli/prompt_options.h"
#include "client/cli/tensor_download.h"
#include "client/local_file.h"

namespace circuitd::client {
namespace {

struct PatchOptions {
  std::string model;
  PromptOptions prompts;
  MetricOptions metric;
  LogitsOptions logits;
  CLI::Option* ablate = nullptr;
  CLI::Option* interventions = nullptr;
  CLI::Option* source_prompts = nullptr;
  std::string source_file;
};

absl::StatusOr<v1::RunPatchedRequest> MakeRequest(const PatchOptions& options) {
  v1::RunPatchedRequest request;
  request.set_model(options.model);
  for (const std::string& text : options.ablate->results()) {
    ASSIGN_OR_RETURN(*request.add_interventions(), ParseAblate(text));
  }
  for (const std::string& text : options.interventions->results()) {
    ASSIGN_OR_RETURN(*request.add_interventions(), ParseIntervention(text));
  }
  ASSIGN_OR_RETURN(*request.mutable_prompts(), options.prompts.Read());
  for (const std::string& text : options.source_prompts->results()) request.add_source_prompts()->set_text(text);
  if (!options.source_file.empty()) {
    ASSIGN_OR_RETURN(const std::string lines, ReadFile(options.source_file));
    request.mutable_source_prompts()->MergeFrom(PromptsOfLines(lines));
  }
  RETURN_IF_ERROR(options.metric.ApplyTo(request));
  RETURN_IF_ERROR(options.logits.ApplyTo(request));
  return request;
}

absl::StatusOr<int> Patch(CommandContext& context, const PatchOptions& options) {
  ASSIGN_OR_RETURN(const v1::RunPatchedRequest request, MakeRequest(options));
  ASSIGN_OR_RETURN(std::optional<SafetensorsSpool> file, options.logits.OpenFile());
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  ASSIGN_OR_RETURN(const v1::RunPatchedSummary summary, DownloadTensors(*client, &Client::RunPatched, request, file));
  if (context.options().json) {
    context.PrintJson(summary);
    return kExitOk;
  }
  PrintLogits(request.prompts(), summary.prompts(), context.out());
  if (summary.has_patched_metric() && summary.has_unpatched_metric()) {
    PrintMetricChange(MetricName(request.metric()), summary.unpatched_metric(), summary.patched_metric(),
                      context.out());
  }
  return kExitOk;
}

}  // namespace

void AddPatchCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("patch", "Run prompts with some activations replaced");
  command->fallthrough();
  auto options = std::make_shared<PatchOptions>();
  command->add_option("--model,-m", options->model, "The model's name")->required();
  options->prompts.AddWithRolesTo(*command);
  options->ablate = AddRawOption(*command, "--ablate,-a", "A3.0=mean, M2@-1=zero: see below (repeatable)");
  options->interventions =
      AddRawOption(*command, "--intervention", "blocks.3.attn.hook_z:...:ablation=mean: see below (repeatable)");
  options->source_prompts = AddRawOption(
      *command, "--source-prompt",
      "A prompt that mean and resample take activations from; for resample the i-th is the i-th prompt's partner, of "
      "the same length (repeatable)");
  command->add_option("--source-file", options->source_file, "A file with a source prompt a line; - is standard input")
      ->type_name("FILE");
  options->metric.AddTo(*command);
  options->logits.AddTo(*command);
  command->footer(absl::StrCat(kInterventionHelp, "\n", kPositionHelp));
  context.Register(command, [&context, options] { return Patch(context, *options); });
}

}  // namespace circuitd::client
