// Metrics of circuits that were measured before on the same task.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "server/graph/circuit.h"

namespace circuitd {

// An evaluation comes by equal circuits: random ones of nearly the whole model, a curve's that nothing is left of.
class MetricMemory {
 public:
  explicit MetricMemory(const ModelConfig& config) : config_(config) {}

  std::optional<double> Find(const Circuit& circuit) const;
  void Learn(const Circuit& circuit, double metric);

 private:
  // A digest: an evaluation may measure a hundred thousand circuits, each with some thousand bytes of edges.
  std::string KeyOf(const Circuit& circuit) const;

  const ModelConfig& config_;
  std::map<std::string, double> metrics_;
};

}  // namespace circuitd
