#include "client/cli/lens_report.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "client/cli/prompt_options.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

constexpr size_t kPromptsShown = 3;

// "3.resid_pre" of "blocks.3.hook_resid_pre".
std::string StageName(const std::string& hook) { return absl::StrReplaceAll(hook, {{"blocks.", ""}, {"hook_", ""}}); }

std::vector<std::string> StageNames(const v1::RunLogitLensSummary& summary) {
  std::vector<std::string> names;
  for (const std::string& hook : summary.hooks()) names.push_back(StageName(hook));
  return names;
}

double Probability(const v1::TokenLogit& entry) { return std::exp(entry.log_prob()); }

std::string EntryText(const v1::TokenLogit& entry) {
  // In a narrow table the token is cut, not the number.
  return absl::StrFormat("%5.1f%% %s", 100 * Probability(entry), TokenLabel(entry.token()));
}

absl::Status CheckShape(const v1::RunLogitLensSummary& summary) {
  for (const v1::LensPrompt& prompt : summary.prompts()) {
    if (prompt.has_handover() && prompt.handover() >= static_cast<uint32_t>(summary.hooks_size())) {
      return absl::DataLossError(
          absl::StrCat("the server names handover ", prompt.handover(), " of ", summary.hooks_size(), " hook points"));
    }
    for (const v1::LensPosition& position : prompt.positions()) {
      if (position.layers_size() != summary.hooks_size()) {
        return absl::DataLossError(absl::StrCat("the server sent ", position.layers_size(), " layers for ",
                                                summary.hooks_size(), " hook points"));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<size_t>> PromptsToShow(const v1::RunLogitLensSummary& summary, const LensView& view) {
  const auto count = static_cast<size_t>(summary.prompts_size());
  std::vector<size_t> prompts;
  for (size_t i = 0; view.prompts.empty() && i < std::min(count, kPromptsShown); ++i) prompts.push_back(i);
  for (uint32_t prompt : view.prompts) {
    if (prompt >= count) return InvalidField("--prompt", absl::StrCat(prompt, ", of ", CountOf(count, "prompt")));
    prompts.push_back(prompt);
  }
  return prompts;
}

Table LayerTable(const std::vector<std::string>& stages, const v1::LensPosition& position,
                 std::optional<uint32_t> handover) {
  int top = 0;
  int chosen = 0;
  for (const v1::LensLayer& layer : position.layers()) {
    top = std::max(top, layer.top_size());
    chosen = std::max(chosen, layer.chosen_size());
  }
  std::vector<std::string> headings = {"", "LAYER"};
  for (int k = 0; k < top; ++k) headings.push_back(absl::StrCat("TOP ", k + 1));
  for (int k = 0; k < chosen; ++k) headings.push_back("CHOSEN");
  Table table(std::move(headings));
  for (int i = 0; i < position.layers_size(); ++i) {
    const v1::LensLayer& layer = position.layers(i);
    std::vector<std::string> cells = {handover == static_cast<uint32_t>(i) ? "->" : "", stages[static_cast<size_t>(i)]};
    for (int k = 0; k < top; ++k) cells.push_back(k < layer.top_size() ? EntryText(layer.top(k)) : "");
    for (int k = 0; k < layer.chosen_size(); ++k) cells.push_back(EntryText(layer.chosen(k)));
    table.Add(cells);
  }
  return table;
}

// Layers x (prompt, position), each cell the most likely token.
HeatMap TokenMap(const v1::RunLogitLensSummary& summary, const std::vector<size_t>& prompts) {
  HeatMap map{.title = "logit lens: the most likely token and its probability",
              .row_axis = "layer",
              .column_axis = "position",
              .quantity = "probability",
              .rows = StageNames(summary),
              .columns = {},
              .values = {},
              .scale = ColourScale::kSequential,
              .outline_caption = "handover"};
  std::vector<const v1::LensPosition*> columns;
  for (size_t prompt : prompts) {
    for (const v1::LensPosition& position : summary.prompts(static_cast<int>(prompt)).positions()) {
      columns.push_back(&position);
      map.columns.push_back(
          absl::StrCat("prompt ", prompt, ", ", position.position(), " ", TokenLabel(position.token())));
    }
  }
  for (int row = 0; row < summary.hooks_size(); ++row) {
    for (const v1::LensPosition* position : columns) {
      const v1::LensLayer& layer = position->layers(row);
      map.values.push_back(layer.top_size() > 0 ? Probability(layer.top(0)) : std::nan(""));
      map.words.push_back(layer.top_size() > 0 ? TokenLabel(layer.top(0).token()) : "");
    }
  }
  return map;
}

// What the prompts with answers have in common.
absl::Status AddAnswers(const v1::RunLogitLensSummary& summary, const TensorSet& tensors, Report& report) {
  const int64_t prompts = summary.prompts_size();
  const int64_t hooks = summary.hooks_size();
  ASSIGN_OR_RETURN(std::vector<double> differences, tensors.Read("logit_diff", {prompts, hooks}));
  std::vector<uint64_t> handovers(static_cast<size_t>(hooks), 0);
  uint64_t without = 0;
  for (const v1::LensPrompt& prompt : summary.prompts()) {
    if (prompt.has_handover()) {
      ++handovers[prompt.handover()];
    } else {
      ++without;
    }
  }
  const std::vector<std::string> stages = StageNames(summary);
  Table table({"LAYER", ">MEAN LOGIT DIFF", ">HANDOVERS"});
  for (size_t hook = 0; hook < stages.size(); ++hook) {
    double sum = 0;
    for (size_t prompt = 0; prompt < static_cast<size_t>(prompts); ++prompt) {
      sum += differences[prompt * stages.size() + hook];
    }
    table.Add(
        {stages[hook], absl::StrFormat("%.3f", sum / static_cast<double>(prompts)), absl::StrCat(handovers[hook])});
  }
  report.AddLine(absl::StrCat(prompts == 1 ? "" : "all ", CountOf(static_cast<uint64_t>(prompts), "prompt"),
                              ": handover, from where on the right answer stays ahead",
                              without > 0 ? absl::StrCat("; ", without, " have none") : ""));
  report.AddTable(std::move(table));
  HeatMap map{.title = "logit difference at the last position",
              .row_axis = "prompt",
              .column_axis = "layer",
              .quantity = "logit difference",
              .rows = {},
              .columns = stages,
              .values = std::move(differences),
              .scale = ColourScale::kDiverging,
              .outline_caption = "handover"};
  for (int prompt = 0; prompt < summary.prompts_size(); ++prompt) {
    map.rows.push_back(absl::StrCat(prompt));
    if (summary.prompts(prompt).has_handover()) {
      map.outlined.insert({static_cast<size_t>(prompt), summary.prompts(prompt).handover()});
    }
  }
  report.AddPictureOnly(std::move(map));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Report> LensReport(const v1::RunLogitLensSummary& summary, const TensorSet& tensors,
                                  const LensView& view) {
  RETURN_IF_ERROR(CheckShape(summary));
  ASSIGN_OR_RETURN(const std::vector<size_t> prompts, PromptsToShow(summary, view));
  const std::vector<std::string> stages = StageNames(summary);
  Report report;
  for (size_t prompt : prompts) {
    const v1::LensPrompt& lens = summary.prompts(static_cast<int>(prompt));
    for (const v1::LensPosition& position : lens.positions()) {
      std::string line =
          absl::StrCat("prompt ", prompt, ", position ", position.position(), " ", TokenLabel(position.token()));
      std::optional<uint32_t> handover;
      // It is the last position's.
      if (lens.has_handover() && !view.chosen_positions) {
        handover = lens.handover();
        absl::StrAppend(&line, ", handover at ", stages[*handover]);
      }
      report.AddLine(line);
      report.AddTable(LayerTable(stages, position, handover));
    }
  }
  const auto more = static_cast<size_t>(summary.prompts_size()) -
                    std::min<size_t>(static_cast<size_t>(summary.prompts_size()), prompts.size());
  if (view.prompts.empty() && more > 0) {
    report.AddLine(absl::StrCat("and ", CountOf(more, "more prompt"), ": --prompt N shows one"));
  }
  if (!tensors.all().empty()) RETURN_IF_ERROR(AddAnswers(summary, tensors, report));
  report.AddPictureOnly(TokenMap(summary, prompts));
  return report;
}

}  // namespace circuitd::client
