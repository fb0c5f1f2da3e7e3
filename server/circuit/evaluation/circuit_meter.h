// What an evaluation asks of an engine: the metric of a circuit on one task.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/graph/circuit.h"

namespace circuitd {

// Not thread-safe; called on the device's worker. Errors as EdgeScorer's and NodeScorer's.
class CircuitMeter {
 public:
  virtual ~CircuitMeter() = default;

  // m(model): unablated, on the clean prompts.
  virtual absl::StatusOr<double> ModelMetric() = 0;

  // m(circuit).
  virtual absl::StatusOr<double> Measure(const Circuit& circuit) = 0;

  // Of `circuit` without one of its nodes, and in an edge circuit without all edges from and into it.
  virtual absl::StatusOr<double> MeasureWithoutNode(const Circuit& circuit, const Node& node) = 0;

  // Of an edge circuit without one edge, for each of `senders` apart: those of `receiver`, both by rank, which have to
  // be in the circuit.
  virtual absl::StatusOr<std::vector<double>> MeasureWithoutEdges(const Circuit& circuit, int receiver,
                                                                  absl::Span<const int> senders) = 0;
};

}  // namespace circuitd
