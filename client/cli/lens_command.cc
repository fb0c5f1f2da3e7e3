// `circuit lens`: the residual stream between layers, unembedded.
#include <memory>

#include "CLI/CLI.hpp"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/count_option.h"
#include "client/cli/exit_code.h"
#include "client/cli/lens_report.h"
#include "client/cli/logits_options.h"
#include "client/cli/position_text.h"
#include "client/cli/reading_command.h"
#include "client/stream_reply.h"

namespace circuitd::client {
namespace {

struct LensOptions {
  ReadingOptions reading;
  CLI::Option* positions = nullptr;
  bool skip_ln_final = false;
  uint32_t top_k = 5;
  CLI::Option* chosen = nullptr;
  CLI::Option* chosen_ids = nullptr;
  LensView view;
};

absl::StatusOr<int> Lens(CommandContext& context, const LensOptions& options) {
  v1::RunLogitLensRequest request;
  request.set_model(options.reading.model);
  request.set_skip_ln_final(options.skip_ln_final);
  request.set_top_k(options.top_k);
  ASSIGN_OR_RETURN(*request.mutable_chosen_tokens(), ReadChosenTokens(*options.chosen, *options.chosen_ids));
  ASSIGN_OR_RETURN(const auto positions, ReadPositions(*options.positions));
  if (positions) *request.mutable_positions() = *positions;
  ASSIGN_OR_RETURN(ReadingSession session, BeginReading(context, options.reading));
  *request.mutable_prompts() = session.prompts;
  ASSIGN_OR_RETURN(const auto reply, CollectReply(*session.client, &Client::RunLogitLens, request));
  LensView view = options.view;
  view.chosen_positions = positions.has_value();
  ASSIGN_OR_RETURN(const Report report, LensReport(reply.summary, reply.tensors, view));
  RETURN_IF_ERROR(session.files.Show(context, {{"", &reply.summary, &reply.tensors}}, report));
  return kExitOk;
}

}  // namespace

void AddLensCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("lens", "Logit lens: what each layer would answer already");
  command->fallthrough();
  auto options = std::make_shared<LensOptions>();
  options->reading.AddTo(*command);
  options->positions = AddPositionsOption(*command, "Positions to read (default: the last): see below");
  command->add_flag("--no-ln-final", options->skip_ln_final, "Unembed the residual stream as it is, without ln_final");
  AddCountOption(*command, "--top-k", options->top_k, "How many of the most likely tokens to show")
      ->capture_default_str();
  options->chosen = AddRawOption(*command, "--chosen", "A token whose probability is wanted (repeatable)");
  options->chosen_ids = AddRawOption(*command, "--chosen-ids", "Ids of such tokens: 17,18");
  AddCountOption(*command, "--prompt", options->view.prompts,
                 "Show this prompt, from 0 (repeatable; default: the first 3)")
      ->allow_extra_args(false);
  command->footer(kPositionHelp);
  context.Register(command, [&context, options] { return Lens(context, *options); });
}

}  // namespace circuitd::client
