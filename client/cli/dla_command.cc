// `circuit dla`: what each part of the model adds to the logit difference.
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/count_option.h"
#include "client/cli/exit_code.h"
#include "client/cli/head_grid.h"
#include "client/cli/reading_command.h"
#include "client/stream_reply.h"

namespace circuitd::client {
namespace {

struct DlaOptions {
  ReadingOptions reading;
  bool per_prompt = false;
  size_t top = 10;
};

std::string ComponentName(const v1::Component& component) {
  switch (component.kind()) {
    case v1::COMPONENT_KIND_EMBED:
      return "embed";
    case v1::COMPONENT_KIND_POS_EMBED:
      return "pos_embed";
    case v1::COMPONENT_KIND_HEAD:
      return absl::StrCat("A", component.layer(), ".", component.head());
    case v1::COMPONENT_KIND_ATTENTION_BIAS:
      return absl::StrCat("b_O of layer ", component.layer());
    case v1::COMPONENT_KIND_MLP:
      return absl::StrCat("M", component.layer());
    case v1::COMPONENT_KIND_LN_FINAL_BIAS:
      return "ln_final's bias";
    default:
      return "?";
  }
}

absl::StatusOr<Report> MakeReport(const v1::AttributeLogitsSummary& summary, const TensorSet& tensors, size_t top) {
  ASSIGN_OR_RETURN(const std::vector<double> mean, tensors.Read("mean", {summary.components_size()}));
  std::vector<HeadValue> heads;
  std::vector<std::pair<std::string, double>> others;
  double sum = 0;
  for (int i = 0; i < summary.components_size(); ++i) {
    const v1::Component& component = summary.components(i);
    const double value = mean[static_cast<size_t>(i)];
    sum += value;
    if (component.kind() == v1::COMPONENT_KIND_HEAD) {
      heads.push_back({component.layer(), component.head(), value});
    } else {
      others.emplace_back(ComponentName(component), value);
    }
  }
  Report report;
  ASSIGN_OR_RETURN(HeatMap map, HeadMap("what heads add to the logit difference", heads, ColourScale::kDiverging));
  map.quantity = "logit difference";
  report.AddMap(std::move(map));
  report.AddTable(RankingTable({{"HEAD", Strongest(heads, top, /*by_size=*/true)}}));
  Table table({"COMPONENT", ">MEAN"});
  std::stable_sort(others.begin(), others.end(),
                   [](const auto& a, const auto& b) { return std::abs(a.second) > std::abs(b.second); });
  for (const auto& [name, value] : others) table.Add({name, absl::StrFormat("%+.4f", value)});
  report.AddTable(std::move(table));
  report.AddLine(absl::StrFormat("all components together: %.4f; the model's logit difference: %.4f", sum,
                                 summary.logit_diff().mean()));
  return report;
}

absl::StatusOr<int> Dla(CommandContext& context, const DlaOptions& options) {
  v1::AttributeLogitsRequest request;
  request.set_model(options.reading.model);
  request.set_per_prompt(options.per_prompt);
  ASSIGN_OR_RETURN(ReadingSession session, BeginReading(context, options.reading));
  *request.mutable_prompts() = session.prompts;
  ASSIGN_OR_RETURN(const auto reply, CollectReply(*session.client, &Client::AttributeLogits, request));
  ASSIGN_OR_RETURN(const Report report, MakeReport(reply.summary, reply.tensors, options.top));
  RETURN_IF_ERROR(session.files.Show(context, {{"", &reply.summary, &reply.tensors}}, report));
  return kExitOk;
}

}  // namespace

void AddDlaCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("dla", "Direct logit attribution: what each head, MLP, embedding and bias adds to the answer");
  command->fallthrough();
  auto options = std::make_shared<DlaOptions>();
  options->reading.AddTo(*command);
  AddCountOption(*command, "--top", options->top, "Heads in the table")->capture_default_str();
  command->add_flag("--per-prompt", options->per_prompt, "Keep the tensor [components, prompts] too");
  context.Register(command, [&context, options] { return Dla(context, *options); });
}

}  // namespace circuitd::client
