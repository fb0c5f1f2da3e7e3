// `circuit patch`: a run with some activations replaced.
#include <algorithm>
#include <map>
#include <memory>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/intervention_text.h"
#include "client/cli/prompt_options.h"
#include "client/cli/table.h"
#include "client/local_file.h"

namespace circuitd::client {
namespace {

struct PatchOptions {
  std::string model;
  PromptOptions prompts;
  LogitsOptions logits;
  CLI::Option* ablate = nullptr;
  CLI::Option* interventions = nullptr;
  CLI::Option* source_prompts = nullptr;
  std::string source_file;
  v1::Metric metric = v1::METRIC_UNSPECIFIED;
  CLI::Option* correct = nullptr;
  CLI::Option* incorrect = nullptr;
  bool first_token = false;
};

// The i-th answer is the i-th prompt's; a single one is every prompt's.
absl::Status ReadAnswers(const PatchOptions& options, v1::RunPatchedRequest& request) {
  const CLI::results_t& correct = options.correct->results();
  const CLI::results_t& incorrect = options.incorrect->results();
  if (correct.empty() && incorrect.empty()) return absl::OkStatus();
  const auto prompts = static_cast<size_t>(request.prompts_size());
  for (const auto* side : {&correct, &incorrect}) {
    if (side->size() > 1 && side->size() != prompts) {
      return absl::InvalidArgumentError(absl::StrCat(side == &correct ? "--correct" : "--incorrect", ": ", side->size(),
                                                     " values for ", prompts, " prompts: give one, or one for each"));
    }
  }
  const auto value = [](const CLI::results_t& side, size_t i) -> const std::string& {
    return side[side.size() == 1 ? 0 : i];
  };
  for (size_t i = 0; i < prompts; ++i) {
    v1::Answer* answer = request.add_answers();
    if (!correct.empty()) *answer->mutable_correct() = ParseAnswer(value(correct, i));
    if (!incorrect.empty()) *answer->mutable_incorrect() = ParseAnswer(value(incorrect, i));
  }
  return absl::OkStatus();
}

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
  ASSIGN_OR_RETURN(*request.mutable_logits(), options.logits.Read());
  for (const std::string& text : options.source_prompts->results()) request.add_source_prompts()->set_text(text);
  if (!options.source_file.empty()) {
    ASSIGN_OR_RETURN(const std::string lines, ReadFile(options.source_file));
    request.mutable_source_prompts()->MergeFrom(PromptsOfLines(lines));
  }
  RETURN_IF_ERROR(ReadAnswers(options, request));
  request.set_metric(options.metric);
  if (options.metric == v1::METRIC_UNSPECIFIED && request.answers_size() > 0) {
    request.set_metric(v1::METRIC_LOGIT_DIFF);
  }
  if (options.first_token) request.set_multi_token_answers(v1::MULTI_TOKEN_ANSWERS_FIRST_TOKEN);
  return request;
}

// "logit_diff" of METRIC_LOGIT_DIFF.
std::string MetricName(v1::Metric metric) {
  return absl::AsciiStrToLower(absl::StripPrefix(v1::Metric_Name(metric), "METRIC_"));
}

void PrintMetric(const std::string& name, const v1::MetricValue& metric, Output& out) {
  Table table({"PROMPT", ">UNPATCHED", ">PATCHED", ">CHANGE"});
  const auto add = [&](const std::string& name, double before, double after) {
    table.Add({name, absl::StrFormat("%.4f", before), absl::StrFormat("%.4f", after),
               absl::StrFormat("%+.4f", after - before)});
  };
  const int prompts = std::min(metric.patched_per_prompt_size(), metric.unpatched_per_prompt_size());
  for (int i = 0; prompts > 1 && i < prompts; ++i) {
    add(absl::StrCat(i), metric.unpatched_per_prompt(i), metric.patched_per_prompt(i));
  }
  add("average", metric.unpatched(), metric.patched());
  out.Write(absl::StrCat("\n", name, "\n", table.Render(out.table_width(), out.colour())));
}

absl::StatusOr<int> Patch(CommandContext& context, const PatchOptions& options) {
  ASSIGN_OR_RETURN(const v1::RunPatchedRequest request, MakeRequest(options));
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  v1::RunPatchedSummary summary;
  TensorCollector tensors;
  RETURN_IF_ERROR(client->RunPatched(request, [&](const v1::RunPatchedResponse& response) {
    if (response.has_chunk()) return tensors.Add(response.chunk());
    summary = response.summary();
    return absl::OkStatus();
  }));
  RETURN_IF_ERROR(options.logits.Save(tensors));
  if (context.options().json) {
    context.PrintJson(summary);
    return kExitOk;
  }
  PrintLogits(request.prompts(), summary.prompts(), context.out());
  if (summary.has_metric()) PrintMetric(MetricName(request.metric()), summary.metric(), context.out());
  return kExitOk;
}

}  // namespace

void AddPatchCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("patch", "Run prompts with some activations replaced");
  command->fallthrough();
  auto options = std::make_shared<PatchOptions>();
  command->add_option("--model,-m", options->model, "The model's name")->required();
  options->prompts.AddTo(*command);
  options->ablate = AddRawOption(*command, "--ablate,-a", "A3.0=mean, M2@-1=zero: see below (repeatable)");
  options->interventions =
      AddRawOption(*command, "--intervention", "blocks.3.attn.hook_z:...:ablation=mean: see below (repeatable)");
  options->source_prompts = AddRawOption(
      *command, "--source-prompt",
      "A prompt that mean and resample take activations from; for resample the i-th is the i-th prompt's partner, of "
      "the same length (repeatable)");
  command->add_option("--source-file", options->source_file, "A file with a source prompt a line; - is standard input")
      ->type_name("FILE");
  const std::map<std::string, v1::Metric> metrics = {{"logit_diff", v1::METRIC_LOGIT_DIFF},
                                                     {"prob_diff", v1::METRIC_PROB_DIFF},
                                                     {"kl_div", v1::METRIC_KL_DIV},
                                                     {"nll", v1::METRIC_NLL}};
  command
      ->add_option("--metric", options->metric, "logit_diff (default if there are answers), prob_diff, kl_div or nll")
      ->transform(CLI::CheckedTransformer(metrics).description(""))
      ->type_name("METRIC");
  options->correct = AddRawOption(
      *command, "--correct",
      "The right next token, with its space: ' 5'. A JSON array gives several: '[\" 51\", \" 52\"]'. Once, or once for "
      "each prompt");
  options->incorrect = AddRawOption(*command, "--incorrect", "The wrong next token, likewise");
  command->add_flag("--first-token", options->first_token, "Use only the first token of a longer answer");
  options->logits.AddTo(*command);
  command->footer(kInterventionHelp);
  context.Register(command, [&context, options] { return Patch(context, *options); });
}

}  // namespace circuitd::client
