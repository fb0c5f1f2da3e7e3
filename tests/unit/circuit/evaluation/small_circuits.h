// Circuits of a model of two layers with two heads each, for tests.
#pragma once

#include <initializer_list>
#include <optional>
#include <utility>

#include "server/graph/circuit.h"
#include "server/model/config.h"

namespace circuitd {

inline ModelConfig TwoByTwo() {
  ModelConfig config;
  config.n_layers = 2;
  config.n_heads = 2;
  return config;
}

inline Circuit NodeCircuit(NodeSet nodes) { return {std::move(nodes), std::nullopt}; }

inline Circuit EdgeCircuit(const ModelConfig& config, std::initializer_list<Edge> edges) {
  EdgeSet set(config);
  for (const Edge& edge : edges) set.Set(edge, true);
  return {set.Nodes(), set};
}

// embed->A0.1.v, A0.1->M1, M1->logits.
inline Circuit ChainCircuit() {
  const Node head = Node::Head(0, 1), mlp = Node::Mlp(1);
  return EdgeCircuit(TwoByTwo(),
                     {{Node::Embed(), Node::Head(0, 1, Node::Input::kV)}, {head, mlp}, {mlp, Node::Logits()}});
}

}  // namespace circuitd
