#include "server/circuit/evaluation/faithfulness_curve.h"

#include <utility>

#include "server/graph/edge_order.h"
#include "server/graph/edge_selection.h"

namespace circuitd {

absl::Span<const double> CurveFractions() {
  static constexpr double kFractions[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1};
  return kFractions;
}

bool HasCurve(const JudgedCircuit& judged, const EvaluationOptions& options) {
  return options.curve && judged.circuit.edges && judged.scores;
}

Circuit CurveCircuit(const EdgeScores& scores, double fraction, const EvaluationOptions& options) {
  EdgeSelection selection = options.curve_selection;
  selection.count = static_cast<int64_t>(fraction * static_cast<double>(EdgeCount(scores.config())));
  EdgeSet edges = SelectEdges(scores, selection);
  if (options.run == CircuitRun::kAblateOutside) {
    edges = WithoutDangling(std::move(edges), /*from_embed=*/options.ablation == EdgeAblation::kResample);
  }
  NodeSet nodes = edges.Nodes();
  return {std::move(nodes), std::move(edges)};
}

}  // namespace circuitd
