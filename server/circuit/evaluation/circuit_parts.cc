#include "server/circuit/evaluation/circuit_parts.h"

#include "server/graph/edge_order.h"

namespace circuitd {
namespace {

void TakeOut(const Edge& edge, Circuit& circuit) {
  if (circuit.edges) circuit.edges->Set(edge, false);
}

void TakeOut(const Node& node, Circuit& circuit) {
  circuit.nodes.erase(node);
  if (!circuit.edges) return;
  EdgeSet& edges = *circuit.edges;
  const int rank = SenderRank(edges.config(), node);
  for (int receiver = 0; receiver < edges.receiver_count(); ++receiver) {
    if (NodeOfReceiver(ReceiverOfRank(edges.config(), receiver)) != node) {
      edges.Set(receiver, rank, false);
      continue;
    }
    for (int sender = 0; sender < edges.sender_count(); ++sender) edges.Set(receiver, sender, false);
  }
}

}  // namespace

std::string PartName(const CircuitPart& part) {
  const Edge* edge = std::get_if<Edge>(&part);
  return edge ? EdgeName(*edge) : NodeName(std::get<Node>(part));
}

std::vector<CircuitPart> PartsOf(const Circuit& circuit) {
  std::vector<CircuitPart> parts(circuit.nodes.begin(), circuit.nodes.end());
  if (!circuit.edges) return parts;
  for (const Edge& edge : circuit.edges->Edges()) parts.push_back(edge);
  return parts;
}

std::vector<CircuitPart> KnockoutPartsOf(const Circuit& circuit) {
  if (!circuit.edges) return {circuit.nodes.begin(), circuit.nodes.end()};
  const std::vector<Edge> edges = circuit.edges->Edges();
  return {edges.begin(), edges.end()};
}

Circuit WithoutParts(Circuit circuit, const std::vector<CircuitPart>& parts) {
  for (const CircuitPart& part : parts) {
    std::visit([&](const auto& node_or_edge) { TakeOut(node_or_edge, circuit); }, part);
  }
  return circuit;
}

Circuit WholeModel(const ModelConfig& config, const Circuit& like) {
  Circuit circuit{AllNodes(config), std::nullopt};
  if (like.edges) circuit.edges = EdgeSet::All(config);
  return circuit;
}

Circuit EmptyCircuit(const ModelConfig& config, const Circuit& like) {
  Circuit circuit;
  if (like.edges) circuit.edges = EdgeSet(config);
  return circuit;
}

}  // namespace circuitd
