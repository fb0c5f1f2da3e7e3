#include "server/report/report_evaluation_data.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/model/metric_name.h"
#include "server/report/report_chart.h"
#include "server/report/report_data.h"
#include "server/report/report_facts.h"

namespace circuitd {
namespace {

using Evaluation = LoggedEvaluation;

ReportJson RandomData(const std::optional<Evaluation::Random>& random) {
  if (!random) return nullptr;
  return {{"mean", ReportNumber(random->mean)},
          {"low", ReportNumber(random->low)},
          {"high", ReportNumber(random->high)},
          {"as_good", ReportNumber(random->as_good)}};
}

// In their order; of over `most` those that matter most.
ReportJson DropsData(const Evaluation::Cell& cell, const ModelConfig& config, size_t most) {
  if (cell.drops.empty()) return nullptr;
  std::vector<size_t> shown(cell.drops.size());
  std::iota(shown.begin(), shown.end(), size_t{0});
  if (shown.size() > most) {
    const auto size = [&](size_t i) { return std::isfinite(cell.drops[i].drop) ? std::abs(cell.drops[i].drop) : -1; };
    std::stable_sort(shown.begin(), shown.end(), [&](size_t a, size_t b) { return size(a) > size(b); });
    shown.resize(most);
    std::sort(shown.begin(), shown.end());
  }
  ReportJson columns = Columns({"sender", "receiver", "input", "drop", "percent"});
  for (const size_t i : shown) {
    const Evaluation::Drop& drop = cell.drops[i];
    if (const Edge* edge = std::get_if<Edge>(&drop.part)) {
      AddEdge(config, *edge, columns);
    } else {
      columns["sender"].push_back(ReportNode(config, std::get<Node>(drop.part)));
      columns["receiver"].push_back(nullptr);
      columns["input"].push_back(0);
    }
    columns["drop"].push_back(ReportNumber(drop.drop));
    columns["percent"].push_back(ReportNumber(drop.drop_percent));
  }
  return columns;
}

ReportJson CellData(const Evaluation::Cell& cell, const ModelConfig& config, size_t most_drops) {
  return {{"circuit", cell.circuit},
          {"task", cell.task},
          {"circuit_metric", ReportNumber(cell.circuit_metric)},
          {"model_metric", ReportNumber(cell.model_metric)},
          {"empty_metric", ReportNumber(cell.empty_metric)},
          {"score", ReportNumber(cell.score)},
          {"faithfulness", ReportNumber(cell.faithfulness)},
          {"random", RandomData(cell.random)},
          {"drops", DropsData(cell, config, most_drops)},
          {"incompleteness", ReportNumber(cell.incompleteness)},
          {"cpr", ReportNumber(cell.cpr)},
          {"cmd", ReportNumber(cell.cmd)}};
}

// A chart a task, a line a circuit.
ReportJson CurveCharts(const Evaluation& evaluation) {
  ReportJson charts = ReportJson::array();
  for (size_t task = 0; task < evaluation.tasks.size(); ++task) {
    ReportChart chart{absl::StrCat("Faithfulness of the best edges on ", evaluation.tasks[task].label),
                      "part of the model's edges", "faithfulness"};
    chart.x_log = true;
    for (const Evaluation::Cell& cell : evaluation.cells) {
      if (cell.task != task || cell.curve.empty()) continue;
      std::vector<Evaluation::CurvePoint> points = cell.curve;
      std::stable_sort(points.begin(), points.end(),
                       [](const auto& a, const auto& b) { return a.fraction < b.fraction; });
      ReportSeries line{evaluation.circuits[cell.circuit].label, {}, {}};
      for (const Evaluation::CurvePoint& point : points) line.Add(point.fraction, point.faithfulness);
      chart.lines.push_back(std::move(line));
    }
    if (std::optional<ReportJson> json = ChartJson(chart)) charts.push_back(*std::move(json));
  }
  return charts;
}

// Of each of the evaluation's circuits its place among those shown, or null.
ReportJson ShownData(const ReportContent& content) {
  ReportJson shown = ReportJson::array();
  for (size_t i = 0; i < content.evaluation->circuits.size(); ++i) {
    const auto is_it = [&](const ReportedCircuit& circuit) { return circuit.evaluated == i; };
    const auto found = std::find_if(content.circuits.begin(), content.circuits.end(), is_it);
    shown.push_back(found == content.circuits.end() ? ReportJson(nullptr)
                                                    : ReportJson(found - content.circuits.begin()));
  }
  return shown;
}

}  // namespace

ReportJson EvaluationData(const ReportContent& content) {
  if (!content.evaluation) return nullptr;
  const Evaluation& evaluation = *content.evaluation;
  ReportJson circuits = ReportJson::array(), tasks = ReportJson::array(), cells = ReportJson::array();
  for (const Evaluation::CircuitEntry& circuit : evaluation.circuits) circuits.push_back(ReportText(circuit.label));
  for (const Evaluation::TaskEntry& task : evaluation.tasks) {
    tasks.push_back({{"label", ReportText(task.label)}, {"prompt_count", task.prompt_count}});
  }
  const size_t most_drops = kMostShownDrops / std::max<size_t>(evaluation.cells.size(), 1);
  for (const Evaluation::Cell& cell : evaluation.cells) cells.push_back(CellData(cell, evaluation.config, most_drops));
  const std::optional<Metric> metric = MetricNamed(evaluation.metric);
  return {{"metric", ReportText(evaluation.metric)},
          {"ablation", ReportText(evaluation.ablation)},
          {"higher_is_better", !metric || HigherIsBetter(*metric)},
          {"random_circuits", evaluation.random_circuits},
          {"circuits", std::move(circuits)},
          {"tasks", std::move(tasks)},
          {"shown", ShownData(content)},
          {"cells", std::move(cells)},
          {"charts", CurveCharts(evaluation)},
          {"facts", EvaluationFacts(evaluation)}};
}

}  // namespace circuitd
