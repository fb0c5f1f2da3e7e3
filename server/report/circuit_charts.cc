#include "server/report/circuit_charts.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/graph/edge_order.h"
#include "server/report/circuit_method.h"
#include "server/report/report_chart.h"

namespace circuitd {
namespace {

std::optional<ReportChart::Threshold> ThresholdAt(double y, double threshold) {
  if (!std::isfinite(threshold)) return std::nullopt;
  return ReportChart::Threshold{y, absl::StrFormat("threshold %.6g", threshold)};
}

// What was tried, by whether it stayed.
template <typename Decision>
std::vector<ReportSeries> Tried(const std::vector<Decision>& decisions, double Decision::*value) {
  std::vector<ReportSeries> dots = {{"stays", {}, {}}, {"leaves", {}, {}}};
  for (size_t i = 0; i < decisions.size(); ++i) {
    dots[decisions[i].removed ? 1 : 0].Add(static_cast<double>(i), decisions[i].*value);
  }
  return dots;
}

// The value of the circuit after each decision: at first that of the whole model, then of the last that left.
template <typename Decision>
ReportSeries After(const std::vector<Decision>& decisions, double Decision::*value, double of_model) {
  ReportSeries line{"circuit", {}, {}};
  double now = of_model;
  for (size_t i = 0; i < decisions.size(); ++i) {
    if (decisions[i].removed && std::isfinite(decisions[i].*value)) now = decisions[i].*value;
    line.Add(static_cast<double>(i), now);
  }
  return line;
}

ReportChart ScoreChart(const std::vector<LoggedNodeDecision>& decisions, const CircuitMethod& method) {
  ReportChart chart{"Score after each decision", "decision", "score, % of the model's logit difference"};
  chart.steps = true;
  chart.lines = {After(decisions, &LoggedNodeDecision::score, 100)};
  chart.dots = Tried(decisions, &LoggedNodeDecision::score);
  chart.threshold = ThresholdAt(100 - method.threshold, method.threshold);
  return chart;
}

ReportChart CriterionChart(const std::vector<LoggedEdgeDecision>& decisions, const CircuitMethod& method) {
  ReportChart chart{"What each decision compared", "decision", method.Criterion()};
  if (method.name == "edge_pruning") {
    chart.title = "Logit difference left with each edge patched";
    chart.y = "part of the model's logit difference";
  } else if (method.name == "acdc") {
    chart.title = "Growth of the loss without each edge";
  }
  chart.dots = Tried(decisions, &LoggedEdgeDecision::criterion);
  chart.threshold = ThresholdAt(method.threshold, method.threshold);
  return chart;
}

ReportChart MetricChart(const std::vector<LoggedEdgeDecision>& decisions, const CircuitMethod& method,
                        const CircuitDocument& document) {
  ReportChart chart{"Metric after each decision", "decision", "metric"};
  const ReportJson parameters = JsonObjectOf(document.parameters_json);
  if (parameters.is_object() && parameters.contains("metric") && parameters["metric"].is_string()) {
    chart.y = parameters["metric"].get<std::string>();
  }
  chart.steps = true;
  chart.lines = {After(decisions, &LoggedEdgeDecision::metric, method.model_metric)};
  return chart;
}

ReportChart SizesChart(const CircuitDocument& document) {
  ReportChart chart{"Sizes of all edges' scores", "rank", "size of the score"};
  chart.x_log = chart.y_log = true;
  std::vector<double> sizes;
  for (const double score : document.scores->values()) {
    if (std::isfinite(score) && score != 0) sizes.push_back(std::abs(score));
  }
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  ReportSeries line{"edges of the model", {}, {}};
  for (size_t i = 0; i < sizes.size(); ++i) line.Add(static_cast<double>(i + 1), sizes[i]);
  chart.lines = {std::move(line)};
  if (!document.circuit.edges) return chart;
  const auto size = static_cast<size_t>(document.circuit.edges->size());
  if (size == 0 || size > sizes.size()) return chart;
  chart.dots = {{absl::StrCat("as many as the circuit has: ", size), {static_cast<double>(size)}, {sizes[size - 1]}}};
  return chart;
}

}  // namespace

ReportJson CircuitCharts(const ReportedCircuit& circuit) {
  const CircuitMethod method = MethodOf(circuit.document);
  std::vector<ReportChart> charts;
  if (const auto* nodes = std::get_if<std::vector<LoggedNodeDecision>>(&circuit.decisions)) {
    charts.push_back(ScoreChart(*nodes, method));
  } else if (const auto* edges = std::get_if<std::vector<LoggedEdgeDecision>>(&circuit.decisions)) {
    charts.push_back(CriterionChart(*edges, method));
    // Edge pruning tries each alone.
    if (method.name == "acdc") charts.push_back(MetricChart(*edges, method, circuit.document));
  }
  if (circuit.document.scores) charts.push_back(SizesChart(circuit.document));
  ReportJson list = ReportJson::array();
  for (const ReportChart& chart : charts) {
    if (std::optional<ReportJson> json = ChartJson(chart)) list.push_back(*std::move(json));
  }
  return list;
}

}  // namespace circuitd
