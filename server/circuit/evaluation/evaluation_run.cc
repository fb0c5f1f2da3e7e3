#include "server/circuit/evaluation/evaluation_run.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/circuit/evaluation/circuit_parts.h"
#include "server/circuit/evaluation/evaluation_plan.h"
#include "server/circuit/evaluation/evaluation_statistics.h"
#include "server/circuit/evaluation/faithfulness_curve.h"
#include "server/circuit/evaluation/metric_memory.h"
#include "server/circuit/evaluation/random_circuits.h"
#include "server/circuit/evaluation/run_log.h"
#include "server/circuit/faithfulness.h"
#include "server/graph/edge_order.h"

namespace circuitd {
namespace {

// All circuits on one task.
class TaskRuns {
 public:
  TaskRuns(const ModelConfig& config, const EvaluationRequest& request, int task, CircuitMeter& meter, RunLog& log)
      : config_(config), request_(request), options_(request.options), task_(task), meter_(meter), log_(log) {}

  // Cells by circuit.
  absl::StatusOr<std::vector<CircuitOnTask>> Run() {
    ASSIGN_OR_RETURN(model_, log_.Next(0, task_, "model", [&] { return meter_.ModelMetric(); }));
    std::vector<CircuitOnTask> cells;
    for (circuit_ = 0; circuit_ < static_cast<int>(request_.circuits.size()); ++circuit_) {
      CircuitOnTask cell;
      RETURN_IF_ERROR(Judge(request_.circuits[circuit_], cell));
      cells.push_back(std::move(cell));
    }
    return cells;
  }

 private:
  absl::Status Judge(const JudgedCircuit& judged, CircuitOnTask& cell) {
    const Circuit& circuit = judged.circuit;
    std::optional<double>& empty = circuit.edges ? empty_of_edges_ : empty_of_nodes_;
    if (!empty) {
      ASSIGN_OR_RETURN(empty, Measure("empty", EmptyCircuit(config_, circuit)));
    }
    cell.circuit = circuit_;
    cell.task = task_;
    cell.model_metric = model_;
    cell.empty_metric = *empty;
    ASSIGN_OR_RETURN(cell.circuit_metric, Measure("circuit", circuit));
    cell.score = LogitDiffScore(options_.metric, cell.circuit_metric, model_);
    cell.faithfulness = Faithfulness(cell.circuit_metric, model_, *empty);
    RETURN_IF_ERROR(CompareWithRandom(circuit, cell));
    if (options_.drop_one) RETURN_IF_ERROR(DropParts(circuit, cell));
    RETURN_IF_ERROR(KnockOut(circuit, cell));
    return HasCurve(judged, options_) ? DrawCurve(*judged.scores, cell) : absl::OkStatus();
  }

  absl::Status CompareWithRandom(const Circuit& circuit, CircuitOnTask& cell) {
    std::vector<double> metrics;
    for (int i = 0; i < options_.random_circuits; ++i) {
      const Circuit random = RandomCircuit(config_, circuit, {options_.seed, circuit_, i});
      ASSIGN_OR_RETURN(const double metric, Measure(absl::StrCat("random ", i), random));
      metrics.push_back(metric);
    }
    cell.random_as_good = PartAsGood(options_.metric, cell.circuit_metric, metrics);
    if (!metrics.empty()) cell.random = IntervalOf(std::move(metrics));
    return absl::OkStatus();
  }

  absl::Status DropParts(const Circuit& circuit, CircuitOnTask& cell) {
    for (const Node& node : circuit.nodes) {
      ASSIGN_OR_RETURN(const double metric,
                       Next(DropName(node), [&] { return meter_.MeasureWithoutNode(circuit, node); }));
      cell.drops.push_back({node, LossWithout(cell, metric)});
    }
    if (!circuit.edges) return absl::OkStatus();
    for (int receiver = 0; receiver < circuit.edges->receiver_count(); ++receiver) {
      RETURN_IF_ERROR(DropEdgesInto(receiver, circuit, cell));
    }
    return absl::OkStatus();
  }

  // What the circuit loses by being left with this metric.
  double LossWithout(const CircuitOnTask& cell, double metric) const {
    return LossOf(options_.metric, metric) - LossOf(options_.metric, cell.circuit_metric);
  }

  // Edges into one receiver are measured side by side.
  absl::Status DropEdgesInto(int receiver, const Circuit& circuit, CircuitOnTask& cell) {
    std::vector<int> senders;
    for (int sender = 0; sender < circuit.edges->sender_count(); ++sender) {
      if (circuit.edges->Contains(receiver, sender)) senders.push_back(sender);
    }
    std::vector<double> metrics(senders.size());
    if (log_.made_ahead() < static_cast<int64_t>(senders.size())) {
      // Those that an earlier run made too: which are side by side shows in their rounding.
      ASSIGN_OR_RETURN(metrics, meter_.MeasureWithoutEdges(circuit, receiver, senders));
    }
    for (size_t i = 0; i < senders.size(); ++i) {
      const Edge edge{SenderOfRank(config_, senders[i]), ReceiverOfRank(config_, receiver)};
      ASSIGN_OR_RETURN(const double metric, Next(DropName(edge), [&] { return metrics[i]; }));
      cell.drops.push_back({edge, LossWithout(cell, metric)});
    }
    return absl::OkStatus();
  }

  absl::Status KnockOut(const Circuit& circuit, CircuitOnTask& cell) {
    const std::vector<CircuitPart> parts = KnockoutPartsOf(circuit);
    const Circuit model = WholeModel(config_, circuit);
    for (int i = 0; i < options_.knockout_subsets && !parts.empty(); ++i) {
      const std::vector<CircuitPart> subset = RandomSubset(parts, {options_.seed, circuit_, i});
      Knockout knockout;
      knockout.size = static_cast<int64_t>(subset.size());
      const std::string name = absl::StrCat("subset ", i, " of the ");
      ASSIGN_OR_RETURN(knockout.circuit_metric, Measure(name + "circuit", WithoutParts(circuit, subset)));
      ASSIGN_OR_RETURN(knockout.model_metric, Measure(name + "model", WithoutParts(model, subset)));
      cell.knockouts.push_back(knockout);
    }
    cell.incompleteness = Incompleteness(cell.knockouts);
    return absl::OkStatus();
  }

  absl::Status DrawCurve(const EdgeScores& scores, CircuitOnTask& cell) {
    for (const double fraction : CurveFractions()) {
      const Circuit circuit = CurveCircuit(scores, fraction, options_);
      CurvePoint point;
      point.fraction = fraction;
      point.edge_count = circuit.edges->size();
      ASSIGN_OR_RETURN(point.metric, Measure(absl::StrCat("curve ", 100 * fraction, "%"), circuit));
      point.faithfulness =
          Faithfulness(point.metric, model_, cell.empty_metric).value_or(std::numeric_limits<double>::quiet_NaN());
      cell.curve.push_back(point);
    }
    cell.cpr = CprOf(cell.curve);
    cell.cmd = CmdOf(cell.curve);
    return absl::OkStatus();
  }

  static std::string DropName(const CircuitPart& part) { return absl::StrCat("without ", PartName(part)); }

  absl::StatusOr<double> Next(const std::string& run, absl::FunctionRef<absl::StatusOr<double>()> measure) {
    return log_.Next(circuit_, task_, run, measure);
  }

  absl::StatusOr<double> Measure(const std::string& run, const Circuit& circuit) {
    ASSIGN_OR_RETURN(const double metric, Next(run, [&]() -> absl::StatusOr<double> {
                       if (const std::optional<double> known = memory_.Find(circuit)) return *known;
                       return meter_.Measure(circuit);
                     }));
    memory_.Learn(circuit, metric);
    return metric;
  }

  const ModelConfig& config_;
  const EvaluationRequest& request_;
  const EvaluationOptions& options_;
  const int task_;
  CircuitMeter& meter_;
  RunLog& log_;
  MetricMemory memory_{config_};
  int circuit_ = 0;
  double model_ = 0;
  std::optional<double> empty_of_nodes_, empty_of_edges_;
};

}  // namespace

absl::StatusOr<EvaluationResult> EvaluateWithMeters(const ModelConfig& config, const EvaluationRequest& request,
                                                    const CircuitMeterOf& meter_of,
                                                    const std::function<void(const EvaluationStep&)>& on_step,
                                                    absl::Span<const EvaluationStep> made) {
  const int tasks = static_cast<int>(request.tasks.size());
  RunLog log(tasks * RunsOnTask(request).total(), on_step, made);
  EvaluationResult result;
  result.cells.resize(request.circuits.size() * tasks);
  for (int task = 0; task < tasks; ++task) {
    const std::unique_ptr<CircuitMeter> meter = meter_of(task);
    ASSIGN_OR_RETURN(std::vector<CircuitOnTask> cells, TaskRuns(config, request, task, *meter, log).Run());
    for (CircuitOnTask& cell : cells) result.cells[cell.circuit * tasks + task] = std::move(cell);
  }
  RETURN_IF_ERROR(log.Finish());
  result.run_count = log.run_count();
  return result;
}

}  // namespace circuitd
