// A meter over a model of two layers with two heads whose metrics are known.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/circuit/evaluation/circuit_meter.h"
#include "server/circuit/evaluation/circuit_parts.h"
#include "server/graph/edge_order.h"
#include "tests/unit/circuit/evaluation/small_circuits.h"

namespace circuitd {

// What is out of a circuit costs its weight, `scale` times; the model is at 1000.
class TableMeter : public CircuitMeter {
 public:
  // `log` hears of each measurement: "model", or the parts that are in the circuit.
  TableMeter(double scale, std::vector<std::string>* log) : scale_(scale), log_(*log) {}

  static double WeightOf(const Node& node) {
    return node.is_head() ? 1 + 3 * node.layer + 7 * node.head : 50 + 11 * node.layer;
  }
  static double WeightOf(const Edge& edge) {
    return 1 + 2 * SenderRank(TwoByTwo(), edge.sender) + 0.25 * ReceiverRank(TwoByTwo(), edge.receiver);
  }

  absl::StatusOr<double> ModelMetric() override {
    log_.push_back("model");
    return 1000;
  }

  absl::StatusOr<double> Measure(const Circuit& circuit) override {
    std::string names = circuit.edges ? "edges:" : "nodes:";
    for (const CircuitPart& part : KnockoutPartsOf(circuit)) absl::StrAppend(&names, " ", PartName(part));
    log_.push_back(names);
    return MetricOf(circuit);
  }

  absl::StatusOr<double> MeasureWithoutNode(const Circuit& circuit, const Node& node) override {
    return Measure(WithoutParts(circuit, {node}));
  }

  absl::StatusOr<std::vector<double>> MeasureWithoutEdges(const Circuit& circuit, int receiver,
                                                          absl::Span<const int> senders) override {
    std::vector<double> metrics;
    for (const int sender : senders) {
      const Edge edge{SenderOfRank(config_, sender), ReceiverOfRank(config_, receiver)};
      metrics.push_back(*Measure(WithoutParts(circuit, {edge})));
    }
    return metrics;
  }

  double MetricOf(const Circuit& circuit) const {
    double metric = 1000;
    if (circuit.edges) {
      for (const Edge& edge : EdgeSet::All(config_).Edges()) {
        if (!circuit.edges->Contains(edge)) metric -= scale_ * WeightOf(edge);
      }
      return metric;
    }
    for (const Node& node : AllNodes(config_)) {
      if (!circuit.nodes.contains(node)) metric -= scale_ * WeightOf(node);
    }
    return metric;
  }

 private:
  const ModelConfig config_ = TwoByTwo();
  const double scale_;
  std::vector<std::string>& log_;
};

}  // namespace circuitd
