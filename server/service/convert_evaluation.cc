#include "server/service/convert_evaluation.h"

#include <cmath>
#include <variant>

#include "server/service/convert_edges.h"
#include "server/service/convert_graph.h"
#include "server/service/enum_value.h"

namespace circuitd {
namespace {

v1::Interval ToProto(const Interval& interval) {
  v1::Interval proto;
  proto.set_mean(interval.mean);
  proto.set_standard_deviation(interval.standard_deviation);
  proto.set_low(interval.low);
  proto.set_high(interval.high);
  return proto;
}

v1::Drop ToProto(const Drop& drop, double model_metric) {
  v1::Drop proto;
  if (const Node* node = std::get_if<Node>(&drop.part)) {
    *proto.mutable_node() = circuitd::ToProto(*node);
  } else {
    *proto.mutable_edge() = circuitd::ToProto(std::get<Edge>(drop.part));
  }
  proto.set_drop(drop.drop);
  if (model_metric != 0) proto.set_drop_percent(100 * drop.drop / std::abs(model_metric));
  return proto;
}

v1::Knockout ToProto(const Knockout& knockout) {
  v1::Knockout proto;
  proto.set_size(knockout.size);
  proto.set_circuit_metric(knockout.circuit_metric);
  proto.set_model_metric(knockout.model_metric);
  return proto;
}

v1::CurvePoint ToProto(const CurvePoint& point) {
  v1::CurvePoint proto;
  proto.set_fraction(point.fraction);
  proto.set_edge_count(point.edge_count);
  proto.set_metric(point.metric);
  proto.set_faithfulness(point.faithfulness);
  return proto;
}

v1::CircuitOnTask ToProto(const CircuitOnTask& cell) {
  v1::CircuitOnTask proto;
  proto.set_circuit(cell.circuit);
  proto.set_task(cell.task);
  proto.set_circuit_metric(cell.circuit_metric);
  proto.set_model_metric(cell.model_metric);
  proto.set_empty_metric(cell.empty_metric);
  if (cell.score) proto.set_score(*cell.score);
  if (cell.faithfulness) proto.set_faithfulness(*cell.faithfulness);
  if (cell.random) *proto.mutable_random() = ToProto(*cell.random);
  proto.set_random_as_good(cell.random_as_good);
  for (const Drop& drop : cell.drops) *proto.add_drops() = ToProto(drop, cell.model_metric);
  for (const Knockout& knockout : cell.knockouts) *proto.add_knockouts() = ToProto(knockout);
  proto.set_incompleteness(cell.incompleteness);
  for (const CurvePoint& point : cell.curve) *proto.add_curve() = ToProto(point);
  proto.set_cpr(cell.cpr);
  proto.set_cmd(cell.cmd);
  return proto;
}

}  // namespace

v1::EvaluationStep ToProto(const EvaluationStep& step) {
  v1::EvaluationStep proto;
  proto.set_index(step.index);
  proto.set_circuit(step.circuit);
  proto.set_task(step.task);
  proto.set_run(step.run);
  proto.set_metric(step.metric);
  return proto;
}

v1::EvaluationResult ToProto(const EvaluationResult& result, size_t most_bytes) {
  v1::EvaluationResult proto;
  for (const CircuitOnTask& cell : result.cells) *proto.add_cells() = ToProto(cell);
  proto.set_run_count(result.run_count);
  if (proto.ByteSizeLong() <= most_bytes) return proto;
  for (v1::CircuitOnTask& cell : *proto.mutable_cells()) {
    cell.clear_drops();
    cell.clear_knockouts();
  }
  return proto;
}

EvaluationStep FromProto(const v1::EvaluationStep& proto) {
  EvaluationStep step;
  step.index = static_cast<int64_t>(proto.index());
  step.circuit = static_cast<int>(proto.circuit());
  step.task = static_cast<int>(proto.task());
  step.run = proto.run();
  step.metric = proto.metric();
  return step;
}

absl::StatusOr<CircuitRun> FromProto(v1::CircuitRun run, absl::string_view field) {
  switch (run) {
    case v1::CIRCUIT_RUN_UNSPECIFIED:
    case v1::CIRCUIT_RUN_ABLATE_OUTSIDE:
      return CircuitRun::kAblateOutside;
    case v1::CIRCUIT_RUN_PATCH_INTO_CORRUPTED:
      return CircuitRun::kPatchIntoCorrupted;
    default:
      return NotAValue(run, field);
  }
}

}  // namespace circuitd
