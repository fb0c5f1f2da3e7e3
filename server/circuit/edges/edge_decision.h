// What algorithms that decide edge by edge report and leave.
#pragma once

#include <cstdint>
#include <functional>

#include "base/checkpoint.h"
#include "server/graph/edge.h"
#include "server/graph/edge_set.h"

namespace circuitd {

struct EdgeDecision {
  int64_t index = 0;  // from 0, without gaps
  Edge edge;
  double metric = 0;     // of the run with the edge ablated
  double criterion = 0;  // what the algorithm compares with its threshold
  bool removed = false;
  int64_t edges_kept = 0;       // after the decision
  int64_t candidates_left = 0;  // at most
};

struct EdgeCallbacks {
  Checkpoint checkpoint;                                 // before each forward pass; may be empty
  std::function<void(const EdgeDecision&)> on_decision;  // in order, each that was not made before; may be empty
};

struct EdgeCircuitResult {
  NodeSet nodes;
  EdgeSet edges;
  int64_t decision_count = 0;
  double circuit_metric = 0;  // with all edges ablated that are not in the circuit
  double model_metric = 0;    // of the unablated model
  double empty_metric = 0;    // with all edges ablated
};

}  // namespace circuitd
