// What an evaluation finds, worked out with a whole run for each number.
#pragma once

#include <functional>

#include "server/circuit/evaluation/evaluation.h"

namespace circuitd {

// m of a circuit on a task.
using NaiveMetric = std::function<double(int task, const Circuit& circuit)>;

// By whole runs on one pair after the other: of node circuits with the outputs of nodes replaced, of edge circuits
// sender by sender.
NaiveMetric NaiveMetricOf(const Model& model, const EvaluationRequest& request);

// Fails the current test unless all cells of `result` are what `metric` makes of the request's circuits, their random
// ones, those without parts, subsets and curves.
void ExpectJudged(const ModelConfig& config, const EvaluationRequest& request, const EvaluationResult& result,
                  const NaiveMetric& metric);

}  // namespace circuitd
