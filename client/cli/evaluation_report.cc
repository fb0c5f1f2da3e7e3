#include "client/cli/evaluation_report.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "client/cli/metric_options.h"
#include "client/cli/node_text.h"
#include "client/cli/table.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

using Cell = v1::CircuitOnTask;

std::string Number(double value) { return std::isnan(value) ? "undefined" : absl::StrFormat("%.4f", value); }

// A server's words: what is no place in the list has none.
std::string LabelAt(const google::protobuf::RepeatedPtrField<std::string>& labels, uint32_t index) {
  return index < static_cast<uint32_t>(labels.size()) ? labels[static_cast<int>(index)] : absl::StrCat(index + 1);
}

std::string ScoreText(const Cell& cell) {
  return cell.has_score() ? absl::StrFormat("%.2f", cell.score()) : "undefined";
}

std::string FaithfulnessText(const Cell& cell) {
  return cell.has_faithfulness() ? Number(cell.faithfulness()) : "undefined";
}

// Headings for `first` columns and a right one for each task.
Table TaskTable(const v1::EvaluationResult& result, std::vector<std::string> first) {
  for (const std::string& task : result.task_labels()) first.push_back(absl::StrCat(">", task));
  return Table(std::move(first));
}

// Circuits by tasks.
void AddGrid(const v1::EvaluationResult& result, const std::string& title,
             const std::function<std::string(const Cell&)>& text, Report& report) {
  Table table = TaskTable(result, {"CIRCUIT"});
  std::map<uint32_t, std::vector<std::string>> rows;
  for (const Cell& cell : result.cells()) {
    std::vector<std::string>& row = rows[cell.circuit()];
    if (row.empty()) row.push_back(LabelAt(result.circuit_labels(), cell.circuit()));
    row.push_back(text(cell));
  }
  for (const auto& [circuit, row] : rows) table.Add(row);
  report.AddLine(title);
  report.AddTable(std::move(table));
}

// What is done to what is not in a circuit: the same circuit has another metric otherwise.
std::string HowOf(const v1::EvaluationSpec& spec) {
  if (spec.run() == v1::CIRCUIT_RUN_PATCH_INTO_CORRUPTED) return "patched into the corrupted run";
  switch (spec.ablation()) {
    case v1::ABLATION_RESAMPLE:
      return "the rest resampled";
    case v1::ABLATION_ZERO:
      return "the rest zero";
    default:
      return "the rest at its mean";
  }
}

void AddDetails(const v1::EvaluationResult& result, const v1::EvaluationSpec& spec, Report& report) {
  const bool random =
      std::any_of(result.cells().begin(), result.cells().end(), [](const Cell& cell) { return cell.has_random(); });
  const bool score =
      std::any_of(result.cells().begin(), result.cells().end(), [](const Cell& cell) { return cell.has_score(); });
  std::vector<std::string> headings = {"CIRCUIT", "TASK", ">OF CIRCUIT", ">OF MODEL", ">WITHOUT ALL", ">FAITHFULNESS"};
  if (score) headings.push_back(">SCORE %");
  if (random) headings.insert(headings.end(), {">RANDOM", ">95 % OF THEM", ">AS GOOD"});
  Table table(headings);
  for (const Cell& cell : result.cells()) {
    std::vector<std::string> row = {LabelAt(result.circuit_labels(), cell.circuit()),
                                    LabelAt(result.task_labels(), cell.task()),
                                    Number(cell.circuit_metric()),
                                    Number(cell.model_metric()),
                                    Number(cell.empty_metric()),
                                    FaithfulnessText(cell)};
    if (score) row.push_back(ScoreText(cell));
    if (random) {
      row.push_back(Number(cell.random().mean()));
      row.push_back(absl::StrFormat("%.4f to %.4f", cell.random().low(), cell.random().high()));
      row.push_back(absl::StrFormat("%.1f%%", 100 * cell.random_as_good()));
    }
    table.Add(row);
  }
  report.AddLine(absl::StrCat(MetricName(result.metric()), ", ", HowOf(spec)));
  report.AddTable(std::move(table));
}

std::string PartName(const v1::Drop& drop) { return drop.has_edge() ? EdgeName(drop.edge()) : NodeName(drop.node()); }

// The parts of one circuit by tasks, that of the largest drop first.
void AddDrops(const v1::EvaluationResult& result, uint32_t circuit, size_t top, Report& report) {
  struct Part {
    std::map<uint32_t, const v1::Drop*> on_task;
    double largest = -INFINITY;
  };
  std::map<std::string, Part> parts;
  // In percent of the model where that says something, else in the metric's unit.
  bool percent = true;
  for (const Cell& cell : result.cells()) {
    if (cell.circuit() != circuit) continue;
    if (!(cell.model_metric() > 0)) percent = false;
    for (const v1::Drop& drop : cell.drops()) parts[PartName(drop)].on_task[cell.task()] = &drop;
  }
  if (parts.empty()) return;
  const auto value = [&](const v1::Drop& drop) { return percent ? drop.drop_percent() : drop.drop(); };
  std::vector<std::pair<std::string, Part>> sorted(parts.begin(), parts.end());
  for (auto& [name, part] : sorted) {
    for (const auto& [task, drop] : part.on_task) {
      if (!std::isnan(value(*drop))) part.largest = std::max(part.largest, value(*drop));
    }
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second.largest > b.second.largest; });
  Table table = TaskTable(result, {"WITHOUT"});
  for (size_t i = 0; i < sorted.size() && i < top; ++i) {
    std::vector<std::string> row = {sorted[i].first};
    for (uint32_t task = 0; task < static_cast<uint32_t>(result.task_labels_size()); ++task) {
      const auto found = sorted[i].second.on_task.find(task);
      row.push_back(found == sorted[i].second.on_task.end()
                        ? ""
                        : absl::StrFormat(percent ? "%+.2f" : "%+.4f", value(*found->second)));
    }
    table.Add(row);
  }
  report.AddLine(
      absl::StrCat(LabelAt(result.circuit_labels(), circuit), ": what it loses without a part, ",
                   percent ? "in percent of the model" : MetricName(result.metric()),
                   sorted.size() > top ? absl::StrCat("; the ", top, " largest of ", sorted.size(), ": --top N") : ""));
  report.AddTable(std::move(table));
}

void AddKnockouts(const v1::EvaluationResult& result, Report& report) {
  Table table({"CIRCUIT", "TASK", ">SUBSETS", ">INCOMPLETENESS", ">WORST", ">ITS SIZE"});
  bool any = false;
  for (const Cell& cell : result.cells()) {
    if (cell.knockouts().empty()) continue;
    any = true;
    const auto gap = [](const v1::Knockout& one) { return std::abs(one.circuit_metric() - one.model_metric()); };
    const auto worst = std::max_element(cell.knockouts().begin(), cell.knockouts().end(),
                                        [&](const auto& a, const auto& b) { return gap(a) < gap(b); });
    table.Add({LabelAt(result.circuit_labels(), cell.circuit()), LabelAt(result.task_labels(), cell.task()),
               absl::StrCat(cell.knockouts_size()), Number(cell.incompleteness()), Number(gap(*worst)),
               absl::StrCat(worst->size())});
  }
  if (!any) return;
  report.AddLine("Completeness: the circuit's distance to the model when both lack a random subset of it");
  report.AddTable(std::move(table));
}

// One circuit's faithfulness by size, a column for each task, and the areas.
void AddCurve(const v1::EvaluationResult& result, uint32_t circuit, Report& report) {
  std::vector<const Cell*> cells;
  for (const Cell& cell : result.cells()) {
    if (cell.circuit() == circuit && !cell.curve().empty()) cells.push_back(&cell);
  }
  if (cells.empty()) return;
  std::vector<std::string> headings = {">OF ALL EDGES", ">EDGES"};
  for (const Cell* cell : cells) headings.push_back(absl::StrCat(">", LabelAt(result.task_labels(), cell->task())));
  Table table(headings);
  for (int i = 0; i < cells.front()->curve_size(); ++i) {
    const v1::CurvePoint& first = cells.front()->curve(i);
    std::vector<std::string> row = {absl::StrFormat("%g%%", 100 * first.fraction()), WithThousands(first.edge_count())};
    for (const Cell* cell : cells) row.push_back(i < cell->curve_size() ? Number(cell->curve(i).faithfulness()) : "");
    table.Add(row);
  }
  for (const bool cpr : {true, false}) {
    std::vector<std::string> row = {cpr ? "CPR" : "CMD", ""};
    for (const Cell* cell : cells) row.push_back(Number(cpr ? cell->cpr() : cell->cmd()));
    table.Add(row);
  }
  report.AddLine(absl::StrCat(LabelAt(result.circuit_labels(), circuit), ": faithfulness of its best edges"));
  report.AddTable(std::move(table));
}

}  // namespace

void AddEvaluation(const v1::Job& job, size_t top, Report& report) {
  const v1::EvaluationResult& result = job.evaluation();
  const auto any = [&](const auto& has) { return std::any_of(result.cells().begin(), result.cells().end(), has); };
  if (result.task_labels_size() > 1) {
    if (any([](const Cell& cell) { return cell.has_score(); })) {
      AddGrid(result, "Score in percent of the whole model", ScoreText, report);
    }
    AddGrid(result, "Faithfulness", FaithfulnessText, report);
  }
  AddDetails(result, job.spec().evaluation(), report);
  for (int i = 0; i < result.circuit_labels_size(); ++i) AddDrops(result, static_cast<uint32_t>(i), top, report);
  AddKnockouts(result, report);
  const v1::EvaluationSpec& spec = job.spec().evaluation();
  const bool lacks_drops = spec.drop_one() && !any([](const Cell& cell) { return !cell.drops().empty(); });
  const bool lacks_knockouts =
      spec.knockout_subsets() > 0 && !any([](const Cell& cell) { return !cell.knockouts().empty(); });
  if (lacks_drops || lacks_knockouts) report.AddLine("Drops and knockouts are many: evaluation.json has them");
  for (int i = 0; i < result.circuit_labels_size(); ++i) AddCurve(result, static_cast<uint32_t>(i), report);
}

}  // namespace circuitd::client
