#include "client/cli/sweep_report.h"

#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "client/cli/prompt_options.h"

namespace circuitd::client {
namespace {

absl::StatusOr<std::vector<double>> ReadGrid(const v1::SweepGrid& grid, const TensorSet& tensors,
                                             const std::string& kind) {
  return tensors.Read(absl::StrCat(grid.hook(), "/", kind), {grid.layers_size(), grid.columns_size()});
}

// "17 \" in\"" where all prompts have the same length, so that the first one's token stands for the others' too.
std::string ColumnLabel(const v1::RunSweepSummary& summary, const v1::SweepGrid& grid, int32_t column) {
  const int64_t index = column < 0 ? int64_t{summary.tokens_size()} + column : column;
  const bool known =
      !grid.columns_are_heads() && summary.prompts_are_equally_long() && index >= 0 && index < summary.tokens_size();
  return known ? absl::StrCat(column, " ", TokenLabel(summary.tokens(static_cast<int>(index)))) : absl::StrCat(column);
}

}  // namespace

absl::Status AddNormalized(const v1::RunSweepSummary& summary, TensorSet& tensors) {
  const double clean = summary.clean_metric().mean();
  const double corrupted = summary.corrupted_metric().mean();
  const double span = clean - corrupted;
  if (!std::isfinite(span) || span == 0) {
    return absl::FailedPreconditionError(absl::StrCat("nothing to normalize by: the metric is ", clean,
                                                      " on clean and ", corrupted, " on corrupted prompts"));
  }
  for (const v1::SweepGrid& grid : summary.grids()) {
    // A position's mean is over the prompts that have it, the metrics' are over all.
    if (!grid.columns_are_heads() && !summary.prompts_are_equally_long()) {
      return InvalidField("--normalize", "the prompts differ in length: positions need prompts of one length");
    }
    ASSIGN_OR_RETURN(std::vector<double> values, ReadGrid(grid, tensors, "mean"));
    for (double& value : values) value = (value - corrupted) / span;
    tensors.AddFloats(absl::StrCat(grid.hook(), "/normalized"), {grid.layers_size(), grid.columns_size()}, values);
  }
  return absl::OkStatus();
}

absl::StatusOr<Report> SweepReport(const v1::RunSweepSummary& summary, const TensorSet& tensors,
                                   const std::string& metric, bool normalized) {
  Report report;
  report.AddLine(absl::StrFormat("%s: %.4f on clean prompts, %.4f on corrupted ones", metric,
                                 summary.clean_metric().mean(), summary.corrupted_metric().mean()));
  if (!summary.prompts_are_equally_long()) {
    report.AddLine("The prompts differ in length: a position's value is the mean over those that have it.");
  }
  for (const v1::SweepGrid& grid : summary.grids()) {
    ASSIGN_OR_RETURN(std::vector<double> values, ReadGrid(grid, tensors, normalized ? "normalized" : "mean"));
    HeatMap map{.title = absl::StrCat(grid.hook(), " patched: ", normalized ? "normalized " : "", metric),
                .row_axis = "layer",
                .column_axis = grid.columns_are_heads() ? "head" : "position",
                .quantity = normalized ? "share of clean - corrupted" : metric,
                .rows = {},
                .columns = {},
                .values = std::move(values),
                .scale = ColourScale::kDiverging};
    for (uint32_t layer : grid.layers()) map.rows.push_back(absl::StrCat(layer));
    for (int32_t column : grid.columns()) map.columns.push_back(ColumnLabel(summary, grid, column));
    report.AddMap(std::move(map));
  }
  return report;
}

}  // namespace circuitd::client
