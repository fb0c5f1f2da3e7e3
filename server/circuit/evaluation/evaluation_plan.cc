#include "server/circuit/evaluation/evaluation_plan.h"

#include "server/circuit/evaluation/faithfulness_curve.h"

namespace circuitd {

EvaluationRunCount RunsOnTask(const EvaluationRequest& request) {
  const EvaluationOptions& options = request.options;
  EvaluationRunCount count;
  count.models = 1;
  for (const JudgedCircuit& judged : request.circuits) {
    const Circuit& circuit = judged.circuit;
    int64_t& runs = circuit.edges ? count.edge_circuits : count.node_circuits;
    // The empty circuit is the same for all of a kind.
    if (runs == 0) ++runs;
    runs += 1 + options.random_circuits;
    const int64_t nodes = circuit.nodes.size(), edges = circuit.edges ? circuit.edges->size() : 0;
    if (options.drop_one) runs += nodes + edges;
    if ((circuit.edges ? edges : nodes) > 0) runs += 2 * options.knockout_subsets;
    if (HasCurve(judged, options)) runs += CurveFractions().size();
  }
  return count;
}

}  // namespace circuitd
