// `circuit tokenize`.
#include <memory>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/prompt_options.h"

namespace circuitd::client {
namespace {

absl::StatusOr<int> Tokenize(CommandContext& context, const std::string& model, const PromptOptions& options) {
  v1::TokenizeRequest request;
  request.set_model(model);
  ASSIGN_OR_RETURN(*request.mutable_prompts(), options.Read());
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  ASSIGN_OR_RETURN(const v1::TokenizeResponse response, client->Tokenize(request));
  if (context.options().json) {
    context.PrintJson(response);
    return kExitOk;
  }
  for (const v1::TokenList& prompt : response.prompts()) {
    std::string line;
    for (const v1::Token& token : prompt.tokens()) {
      absl::StrAppend(&line, line.empty() ? "" : " ", token.id(), token.text().empty() ? "" : ":", TokenText(token));
    }
    context.out().Write(absl::StrCat(line, "\n"));
  }
  return kExitOk;
}

}  // namespace

void AddTokenizeCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("tokenize", "Show the tokens of prompts, a line each: id:\"text\" ...");
  command->fallthrough();
  auto model = std::make_shared<std::string>();
  auto prompts = std::make_shared<PromptOptions>();
  command->add_option("--model,-m", *model, "The model's name")->required();
  prompts->AddTo(*command);
  context.Register(command, [&context, model, prompts] { return Tokenize(context, *model, *prompts); });
}

}  // namespace circuitd::client
