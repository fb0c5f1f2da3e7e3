// Models and circuits small enough to be looked at whole.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "server/graph/circuit_document.h"
#include "server/graph/edge_order.h"
#include "server/graph/edge_set.h"

namespace circuitd {

inline ModelConfig GraphConfig(int n_layers, int n_heads) {
  ModelConfig config;
  config.n_layers = n_layers;
  config.n_heads = n_heads;
  config.d_head = 16;
  config.d_model = n_heads * config.d_head;
  config.d_mlp = 4 * config.d_model;
  config.n_ctx = 64;
  config.d_vocab = 1000;
  return config;
}

inline std::vector<std::string> Names(const EdgeSet& edges) {
  std::vector<std::string> names;
  for (const Edge& edge : edges.Edges()) names.push_back(EdgeName(edge));
  return names;
}

// Each edge of the model with this probability.
inline EdgeSet RandomEdges(const ModelConfig& config, double probability, std::mt19937& random) {
  EdgeSet edges(config);
  std::bernoulli_distribution coin(probability);
  for (const Edge& edge : EdgeSet::All(config).Edges()) edges.Set(edge, coin(random));
  return edges;
}

// Three heads and an MLP of a model of two layers of two heads, as node pruning leaves them.
inline CircuitDocument NodeDocument() {
  CircuitDocument document;
  document.model_name = "tiny";
  document.model_sha256 = std::string(64, 'a');
  document.config = GraphConfig(2, 2);
  document.task_json = R"({"task":{"task":"numerals","seed":"7"},"num_samples":32})";
  document.parameters_json =
      R"({"method":"node_pruning","means":"seqcont","threshold":12.5,"max_iterations":3,"prompt_count":96,)"
      R"("memory_budget_bytes":1048576})";
  document.results_json = R"({"score":88.25,"full_logit_diff":7.5,"decision_count":2,"converged":true})";
  document.circuit.nodes = {Node::Mlp(1), Node::Head(1, 0), Node::Head(0, 1), Node::Head(0, 0)};
  document.server_version = "0.1.0";
  document.device = "cpu";
  document.dtype = "float32";
  document.created = "2024-05-06T07:08:09Z";
  return document;
}

// embed->A0.1.v, A0.1->A1.0.q, A0.1->M1, A1.0->M1, M1->logits, with a score for these and two others.
inline CircuitDocument EdgeDocument() {
  CircuitDocument document = NodeDocument();
  const ModelConfig& config = document.config;
  document.parameters_json = R"({"method":"eap_ig_inputs","steps":5})";
  document.results_json = R"({"score":77.5,"decision_count":0})";
  document.circuit.nodes = {Node::Head(0, 1), Node::Head(1, 0), Node::Mlp(1)};
  document.circuit.edges.emplace(config);
  document.scores.emplace(config);
  const auto score = [&](const Edge& edge, double value) {
    document.scores->Set(ReceiverRank(config, edge.receiver), SenderRank(config, edge.sender), value);
  };
  const Edge kept[] = {{Node::Embed(), Node::Head(0, 1, Node::Input::kV)},
                       {Node::Head(0, 1), Node::Head(1, 0, Node::Input::kQ)},
                       {Node::Head(0, 1), Node::Mlp(1)},
                       {Node::Head(1, 0), Node::Mlp(1)},
                       {Node::Mlp(1), Node::Logits()}};
  double value = 0.1;
  for (const Edge& edge : kept) {
    document.circuit.edges->Set(edge, true);
    score(edge, value *= -2);
  }
  score({Node::Mlp(0), Node::Logits()}, 0.0123456789012345678);
  score({Node::Embed(), Node::Logits()}, -3e-9);
  return document;
}

}  // namespace circuitd
