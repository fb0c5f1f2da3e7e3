// `circuit sweep`: activation patching, each layer and position or head alone.
#include <unistd.h>

#include <map>
#include <memory>

#include "CLI/CLI.hpp"
#include "base/status.h"
#include "client/cli/choice_option.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/metric_options.h"
#include "client/cli/node_text.h"
#include "client/cli/progress_line.h"
#include "client/cli/reading_command.h"
#include "client/cli/sweep_report.h"
#include "client/stream_reply.h"

namespace circuitd::client {
namespace {

struct SweepOptions {
  ReadingOptions reading;
  CLI::Option* hooks = nullptr;
  v1::PatchingDirection direction = v1::PATCHING_DIRECTION_DENOISING;
  v1::Metric metric = v1::METRIC_LOGIT_DIFF;
  std::vector<uint32_t> layers;
  CLI::Option* positions = nullptr;
  bool normalize = false;
  bool per_prompt = false;
};

absl::StatusOr<v1::RunSweepRequest> MakeRequest(const SweepOptions& options) {
  v1::RunSweepRequest request;
  request.set_model(options.reading.model);
  for (const std::string& hook : options.hooks->results()) request.add_hooks(hook);
  request.set_direction(options.direction);
  request.set_metric(options.metric);
  request.mutable_layers()->Add(options.layers.begin(), options.layers.end());
  if (!options.positions->results().empty()) {
    const auto positions = ParseIntegers<int32_t>(options.positions->results().front());
    if (!positions.ok()) return WithFieldPrefix("--positions", positions.status());
    request.mutable_positions()->Add(positions->begin(), positions->end());
  }
  request.set_per_prompt(options.per_prompt);
  return request;
}

absl::StatusOr<int> Sweep(CommandContext& context, const SweepOptions& options) {
  ASSIGN_OR_RETURN(v1::RunSweepRequest request, MakeRequest(options));
  ASSIGN_OR_RETURN(ReadingSession session, BeginReading(context, options.reading));
  *request.mutable_prompts() = session.prompts;
  Reply<v1::RunSweepSummary> reply;
  {
    ProgressLine progress(STDERR_FILENO, "runs");
    ASSIGN_OR_RETURN(reply, CollectReply(*session.client, &Client::RunSweep, request, [&](const auto& message) {
                       progress.Update(message.runs_done(), message.runs_total());
                     }));
  }
  if (options.normalize) RETURN_IF_ERROR(AddNormalized(reply.summary, reply.tensors));
  ASSIGN_OR_RETURN(const Report report,
                   SweepReport(reply.summary, reply.tensors, MetricName(options.metric), options.normalize));
  RETURN_IF_ERROR(session.files.Show(context, {{"", &reply.summary, &reply.tensors}}, report));
  return kExitOk;
}

}  // namespace

void AddSweepCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("sweep", "Activation patching: each layer and position or head alone");
  command->fallthrough();
  auto options = std::make_shared<SweepOptions>();
  options->reading.AddTo(*command);
  options->hooks =
      AddRawOption(*command, "--hook",
                   "hook_resid_pre, hook_attn_out, hook_mlp_out (layers x positions), attn.hook_z, attn.hook_q, "
                   "attn.hook_k, attn.hook_v, attn.hook_pattern (layers x heads) (repeatable)")
          ->required()
          ->type_name("HOOK");
  const std::map<std::string, v1::PatchingDirection> directions = {{"denoising", v1::PATCHING_DIRECTION_DENOISING},
                                                                   {"noising", v1::PATCHING_DIRECTION_NOISING}};
  AddChoiceOption(*command, "--direction", options->direction, directions,
                  "denoising (default): clean activations into corrupted runs; noising: the other way round",
                  "DIRECTION");
  AddMetricOption(*command, options->metric, "logit_diff");
  AddIndicesOption(*command, "--layers", options->layers, "Only these layers: 0,3");
  options->positions = AddRawOption(*command, "--positions", "Only these positions, negative ones from the end: 3,-1");
  options->positions->multi_option_policy(CLI::MultiOptionPolicy::Throw)->type_name("POSITIONS");
  command->add_flag("--normalize", options->normalize,
                    "Show (patched - corrupted) / (clean - corrupted), and keep it as HOOK/normalized");
  command->add_flag("--per-prompt", options->per_prompt, "Keep the tensors HOOK/per_prompt too");
  context.Register(command, [&context, options] { return Sweep(context, *options); });
}

}  // namespace circuitd::client
