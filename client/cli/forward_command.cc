// `circuit forward`.
#include <memory>
#include <optional>

#include "CLI/CLI.hpp"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/logits_options.h"
#include "client/cli/metric_options.h"
#include "client/cli/metric_table.h"
#include "client/cli/position_text.h"
#include "client/cli/prompt_options.h"
#include "client/cli/tensor_download.h"

namespace circuitd::client {
namespace {

struct ForwardOptions {
  std::string model;
  PromptOptions prompts;
  MetricOptions metric;
  LogitsOptions logits;
};

absl::StatusOr<v1::ForwardRequest> MakeRequest(const ForwardOptions& options) {
  v1::ForwardRequest request;
  request.set_model(options.model);
  ASSIGN_OR_RETURN(*request.mutable_prompts(), options.prompts.Read());
  RETURN_IF_ERROR(options.metric.ApplyTo(request));
  RETURN_IF_ERROR(options.logits.ApplyTo(request));
  return request;
}

absl::StatusOr<int> Forward(CommandContext& context, const ForwardOptions& options) {
  ASSIGN_OR_RETURN(const v1::ForwardRequest request, MakeRequest(options));
  ASSIGN_OR_RETURN(std::optional<SafetensorsSpool> file, options.logits.OpenFile());
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  ASSIGN_OR_RETURN(const v1::ForwardSummary summary, DownloadTensors(*client, &Client::Forward, request, file));
  if (context.options().json) {
    context.PrintJson(summary);
    return kExitOk;
  }
  PrintLogits(request.prompts(), summary.prompts(), context.out());
  if (summary.has_metric()) PrintMetric(MetricName(request.metric()), summary.metric(), context.out());
  return kExitOk;
}

}  // namespace

void AddForwardCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("forward", "Run prompts: the most likely next tokens, a metric, activations to keep");
  command->fallthrough();
  auto options = std::make_shared<ForwardOptions>();
  command->add_option("--model,-m", options->model, "The model's name")->required();
  options->prompts.AddWithRolesTo(*command);
  options->metric.AddTo(*command);
  options->logits.AddTo(*command);
  command->footer(kPositionHelp);
  context.Register(command, [&context, options] { return Forward(context, *options); });
}

}  // namespace circuitd::client
