#include "server/circuit/evaluation/metric_memory.h"

#include "base/sha256.h"
#include "server/graph/edge_order.h"

namespace circuitd {

std::optional<double> MetricMemory::Find(const Circuit& circuit) const {
  const auto known = metrics_.find(KeyOf(circuit));
  return known == metrics_.end() ? std::nullopt : std::optional(known->second);
}

void MetricMemory::Learn(const Circuit& circuit, double metric) { metrics_.emplace(KeyOf(circuit), metric); }

std::string MetricMemory::KeyOf(const Circuit& circuit) const {
  std::string contained;
  if (circuit.edges) {
    const EdgeSet& edges = *circuit.edges;
    contained.resize(size_t(edges.receiver_count()) * edges.sender_count());
    for (int receiver = 0; receiver < edges.receiver_count(); ++receiver) {
      for (int sender = 0; sender < edges.sender_count(); ++sender) {
        contained[size_t(receiver) * edges.sender_count() + sender] = edges.Contains(receiver, sender);
      }
    }
  } else {
    contained.resize(SenderCount(config_));
    for (const Node& node : circuit.nodes) contained[SenderRank(config_, node)] = 1;
  }
  // Their lengths tell node circuits and edge circuits apart.
  return Sha256Hex(contained);
}

}  // namespace circuitd
