#include "server/circuit/evaluation/random_circuits.h"

#include "base/random.h"

namespace circuitd {
namespace {

// What a draw is for, so that circuits and subsets of one number have nothing to do with each other.
enum Purpose : uint32_t { kCircuits = 1, kSubsets = 2 };

Random RandomOf(const RandomDraw& draw, Purpose purpose) {
  return Random(draw.seed, {purpose, static_cast<uint32_t>(draw.circuit), static_cast<uint32_t>(draw.index)});
}

template <typename T>
std::vector<T> Draw(Random& random, std::vector<T> items, int count) {
  DrawToFront(random, items, count);
  items.resize(count);
  return items;
}

}  // namespace

Circuit RandomCircuit(const ModelConfig& config, const Circuit& like, const RandomDraw& draw) {
  Random random = RandomOf(draw, kCircuits);
  Circuit circuit;
  if (like.edges) {
    EdgeSet edges(config);
    const std::vector<Edge> all = EdgeSet::All(config).Edges();
    for (const Edge& edge : Draw(random, all, static_cast<int>(like.edges->size()))) edges.Set(edge, true);
    circuit.nodes = edges.Nodes();
    circuit.edges = std::move(edges);
    return circuit;
  }
  std::vector<Node> heads, mlps;
  for (const Node& node : AllNodes(config)) (node.is_head() ? heads : mlps).push_back(node);
  for (const Node& head : Draw(random, heads, CountHeads(like.nodes))) circuit.nodes.insert(head);
  for (const Node& mlp : Draw(random, mlps, CountMlps(like.nodes))) circuit.nodes.insert(mlp);
  return circuit;
}

std::vector<CircuitPart> RandomSubset(const std::vector<CircuitPart>& parts, const RandomDraw& draw) {
  Random random = RandomOf(draw, kSubsets);
  std::vector<CircuitPart> subset;
  while (subset.empty() && !parts.empty()) {
    for (const CircuitPart& part : parts) {
      if (random.Below(2) == 1) subset.push_back(part);
    }
  }
  return subset;
}

}  // namespace circuitd
