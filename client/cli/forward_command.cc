// `circuit forward`.
#include <memory>

#include "CLI/CLI.hpp"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/prompt_options.h"

namespace circuitd::client {
namespace {

absl::StatusOr<int> Forward(CommandContext& context, const std::string& model, const PromptOptions& prompts,
                            const LogitsOptions& logits) {
  v1::ForwardRequest request;
  request.set_model(model);
  ASSIGN_OR_RETURN(*request.mutable_prompts(), prompts.Read());
  ASSIGN_OR_RETURN(*request.mutable_logits(), logits.Read());
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  v1::ForwardSummary summary;
  TensorCollector tensors;
  RETURN_IF_ERROR(client->Forward(request, [&](const v1::ForwardResponse& response) {
    if (response.has_chunk()) return tensors.Add(response.chunk());
    summary = response.summary();
    return absl::OkStatus();
  }));
  RETURN_IF_ERROR(logits.Save(tensors));
  if (context.options().json) {
    context.PrintJson(summary);
  } else {
    PrintLogits(request.prompts(), summary.prompts(), context.out());
  }
  return kExitOk;
}

}  // namespace

void AddForwardCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("forward", "Run prompts and show the most likely next tokens");
  command->fallthrough();
  auto model = std::make_shared<std::string>();
  auto prompts = std::make_shared<PromptOptions>();
  auto logits = std::make_shared<LogitsOptions>();
  command->add_option("--model,-m", *model, "The model's name")->required();
  prompts->AddTo(*command);
  logits->AddTo(*command);
  context.Register(command, [&context, model, prompts, logits] { return Forward(context, *model, *prompts, *logits); });
}

}  // namespace circuitd::client
