// How many runs an evaluation makes.
#pragma once

#include <cstdint>

#include "server/circuit/evaluation/evaluation.h"

namespace circuitd {

struct EvaluationRunCount {
  int64_t node_circuits = 0;
  int64_t edge_circuits = 0;
  int64_t models = 0;

  int64_t total() const { return node_circuits + edge_circuits + models; }
};

// On one of the tasks; each has as many.
EvaluationRunCount RunsOnTask(const EvaluationRequest& request);

}  // namespace circuitd
