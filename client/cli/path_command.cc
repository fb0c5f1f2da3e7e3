// `circuit path`: path patching along single edges.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "client/cli/ablation_options.h"
#include "client/cli/command.h"
#include "client/cli/count_option.h"
#include "client/cli/exit_code.h"
#include "client/cli/head_grid.h"
#include "client/cli/metric_options.h"
#include "client/cli/node_text.h"
#include "client/cli/progress_line.h"
#include "client/cli/reading_command.h"
#include "client/stream_reply.h"

namespace circuitd::client {
namespace {

struct PathOptions {
  ReadingOptions reading;
  CLI::Option* senders = nullptr;
  CLI::Option* receivers = nullptr;
  v1::PathFreeze freeze = v1::PATH_FREEZE_ALL;
  bool together = false;
  v1::Metric metric = v1::METRIC_LOGIT_DIFF;
  size_t top = 20;
  bool per_prompt = false;
};

absl::Status ReadNodes(const CLI::Option& option, google::protobuf::RepeatedPtrField<v1::Node>& nodes) {
  for (const std::string& text : option.results()) {
    const absl::StatusOr<v1::Node> node = ParseNode(text);
    if (!node.ok()) return WithFieldPrefix(option.get_name(), node.status());
    *nodes.Add() = *node;
  }
  return absl::OkStatus();
}

struct Effect {
  const v1::Path* path;
  double metric;
  double change;
};

std::string SenderName(const v1::Path& path) { return path.has_sender() ? NodeName(path.sender()) : "all senders"; }

// A map of senders for each receiver: heads, and in a last column MLPs.
absl::Status AddMaps(const std::vector<Effect>& effects, const std::string& metric, Report& report) {
  std::vector<std::string> receivers;  // in the server's order
  std::map<std::string, std::vector<const Effect*>> by_receiver;
  for (const Effect& effect : effects) {
    const std::string name = NodeName(effect.path->receiver());
    if (!by_receiver.contains(name)) receivers.push_back(name);
    by_receiver[name].push_back(&effect);
  }
  for (const std::string& receiver : receivers) {
    std::vector<HeadValue> values;
    constexpr uint32_t kMlpColumn = std::numeric_limits<uint32_t>::max();
    for (const Effect* effect : by_receiver[receiver]) {
      const v1::Node& sender = effect->path->sender();
      const bool mlp = sender.kind() == v1::NODE_KIND_MLP;
      if (!mlp && sender.kind() != v1::NODE_KIND_ATTENTION_HEAD) continue;
      values.push_back({sender.layer(), mlp ? kMlpColumn : sender.head(), effect->change});
    }
    if (values.empty()) continue;
    ASSIGN_OR_RETURN(HeatMap map, HeadMap(absl::StrCat("change of ", metric, " along the path to ", receiver), values,
                                          ColourScale::kDiverging));
    if (map.columns.back() == absl::StrCat(kMlpColumn)) map.columns.back() = "MLP";
    map.row_axis = "sender's layer";
    map.quantity = absl::StrCat("change of ", metric);
    report.AddMap(std::move(map));
  }
  return absl::OkStatus();
}

absl::StatusOr<Report> MakeReport(const v1::RunPathPatchingSummary& summary, const TensorSet& tensors,
                                  const std::string& metric, size_t top) {
  ASSIGN_OR_RETURN(const std::vector<double> mean, tensors.Read("mean", {summary.paths_size()}));
  const double clean = summary.clean_metric().mean();
  const double span = summary.corrupted_metric().mean() - clean;
  std::vector<Effect> effects;
  for (int i = 0; i < summary.paths_size(); ++i) {
    const double value = mean[static_cast<size_t>(i)];
    effects.push_back({&summary.paths(i), value, value - clean});
  }
  Report report;
  report.AddLine(absl::StrFormat("%s: %.4f on clean prompts, %.4f on corrupted ones", metric, clean,
                                 summary.corrupted_metric().mean()));
  RETURN_IF_ERROR(AddMaps(effects, metric, report));
  // What is not a number comes last.
  const auto size = [](const Effect& effect) { return std::isnan(effect.change) ? -1 : std::abs(effect.change); };
  std::stable_sort(effects.begin(), effects.end(), [&](const Effect& a, const Effect& b) { return size(a) > size(b); });
  Table table({"SENDER", "RECEIVER", ">METRIC", ">CHANGE", ">OF CLEAN TO CORRUPTED"});
  for (size_t i = 0; i < effects.size() && i < top; ++i) {
    const Effect& effect = effects[i];
    table.Add({SenderName(*effect.path), NodeName(effect.path->receiver()), absl::StrFormat("%.4f", effect.metric),
               absl::StrFormat("%+.4f", effect.change),
               span != 0 ? absl::StrFormat("%.1f%%", 100 * effect.change / span) : ""});
  }
  report.AddTable(std::move(table));
  if (effects.size() > top) report.AddLine(absl::StrCat("and ", effects.size() - top, " paths with less: --top N"));
  return report;
}

absl::StatusOr<int> PathPatching(CommandContext& context, const PathOptions& options) {
  v1::RunPathPatchingRequest request;
  request.set_model(options.reading.model);
  RETURN_IF_ERROR(ReadNodes(*options.senders, *request.mutable_senders()));
  RETURN_IF_ERROR(ReadNodes(*options.receivers, *request.mutable_receivers()));
  request.set_freeze(options.freeze);
  request.set_senders_together(options.together);
  request.set_metric(options.metric);
  request.set_per_prompt(options.per_prompt);
  ASSIGN_OR_RETURN(ReadingSession session, BeginReading(context, options.reading));
  *request.mutable_prompts() = session.prompts;
  Reply<v1::RunPathPatchingSummary> reply;
  {
    ProgressLine progress(STDERR_FILENO, "paths");
    ASSIGN_OR_RETURN(reply, CollectReply(*session.client, &Client::RunPathPatching, request, [&](const auto& message) {
                       progress.Update(message.runs_done(), message.runs_total());
                     }));
  }
  ASSIGN_OR_RETURN(const Report report,
                   MakeReport(reply.summary, reply.tensors, MetricName(options.metric), options.top));
  RETURN_IF_ERROR(session.files.Show(context, {{"", &reply.summary, &reply.tensors}}, report));
  return kExitOk;
}

}  // namespace

void AddPathCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("path", "Path patching: what each sender tells a receiver");
  command->fallthrough();
  auto options = std::make_shared<PathOptions>();
  options->reading.AddTo(*command);
  options->senders = AddRawOption(*command, "--sender", "A3.0, M2 or embed (repeatable; default: all)");
  options->senders->type_name("NODE");
  options->receivers = AddRawOption(*command, "--receiver", "A3.1.q, .k or .v, M2 or logits (repeatable)");
  options->receivers->type_name("NODE")->required();
  AddFreezeOption(*command, options->freeze);
  command->add_flag("--together", options->together, "All senders of a receiver at once");
  AddMetricOption(*command, options->metric, "logit_diff");
  AddCountOption(*command, "--top", options->top, "Paths in the table")->capture_default_str();
  command->add_flag("--per-prompt", options->per_prompt, "Keep the tensor [paths, prompts] too");
  context.Register(command, [&context, options] { return PathPatching(context, *options); });
}

}  // namespace circuitd::client
