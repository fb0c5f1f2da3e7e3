// The circuits of a faithfulness curve, as the MIB benchmark takes them (arXiv 2504.13151, section 3).
#pragma once

#include "absl/types/span.h"
#include "server/circuit/evaluation/evaluation.h"
#include "server/graph/circuit.h"
#include "server/graph/edge_set.h"

namespace circuitd {

// Of the model's edges, ascending: 0.001 to 1.
absl::Span<const double> CurveFractions();

// Whether `judged` has a curve: an edge circuit with scores, if the options ask for it.
bool HasCurve(const JudgedCircuit& judged, const EvaluationOptions& options);

// The best floor(fraction * the model's edges) by the options' rule, without those that can't matter. In the corrupted
// run that a circuit is patched into all matter: what a node passes on leaves it by edges outside, too.
Circuit CurveCircuit(const EdgeScores& scores, double fraction, const EvaluationOptions& options);

}  // namespace circuitd
