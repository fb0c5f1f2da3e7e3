#include "server/circuit/engine/mlp_mean_source.h"

#include <map>
#include <utility>

#include "base/status.h"
#include "server/circuit/engine/row_means.h"

namespace circuitd {

SeqcontMlpMeans::SeqcontMlpMeans(const Gpt2& network, std::vector<ChunkRun>& corrupted, int64_t max_pos,
                                 const MlpMeanTensors& unablated)
    : network_(network), corrupted_(corrupted), max_pos_(max_pos), of_candidate_(network.config().n_layers) {
  const CircuitLayers whole(network.config(), AllNodes(network.config()));
  for (const at::Tensor& mean : unablated) of_circuit_.push_back({whole, mean});
}

absl::StatusOr<MlpMeanTensors> SeqcontMlpMeans::Means(const CircuitLayers& circuit, std::optional<Node> node,
                                                      const CircuitLayers& candidate) {
  const CircuitLayers circuit_run = circuit.WithAllMlps(), candidate_run = candidate.WithAllMlps();
  std::vector<int> of_circuit, of_candidate;
  for (const int layer : candidate.AblatedMlps(0)) {
    if (of_candidate_[layer].IsOf(circuit_run, layer)) of_circuit_[layer] = of_candidate_[layer];
    if (!circuit_run.ServesBefore(layer + 1, candidate_run)) {
      of_candidate.push_back(layer);
    } else if (!of_circuit_[layer].IsOf(circuit_run, layer)) {
      of_circuit.push_back(layer);
    }
  }
  if (!of_circuit.empty()) RETURN_IF_ERROR(Run(circuit_run, std::nullopt, circuit_run, of_circuit, of_circuit_));
  if (!of_candidate.empty()) RETURN_IF_ERROR(Run(circuit_run, node, candidate_run, of_candidate, of_candidate_));

  MlpMeanTensors means(circuit.n_layers());
  for (const int layer : candidate.AblatedMlps(0)) {
    const Known& known = of_circuit_[layer].IsOf(candidate_run, layer) ? of_circuit_[layer] : of_candidate_[layer];
    means[layer] = known.mean;
  }
  return means;
}

absl::Status SeqcontMlpMeans::Run(const CircuitLayers& circuit, std::optional<Node> node,
                                  const CircuitLayers& candidate, const std::vector<int>& layers,
                                  std::vector<Known>& known) {
  std::map<int, RowMeans> posts;
  for (const int layer : layers) posts.emplace(layer, RowMeans(max_pos_));
  const AblatedCircuit with_node{circuit, {}}, without_node{candidate, {}};
  const int first = node ? node->layer : layers.front(), last = layers.back();
  for (ChunkRun& chunk : corrupted_) {
    std::optional<int> without_head;
    if (node) without_head = node->head;
    ASSIGN_OR_RETURN(MidStream mid, chunk.Mid(with_node, first, without_head));
    for (int layer = first;; ++layer) {
      const at::Tensor post = chunk.MlpPost(layer, mid);
      if (const auto wanted = posts.find(layer); wanted != posts.end()) {
        wanted->second.Add(chunk.rows(), mid.stream.final_only, post);
      }
      if (layer == last) break;
      ASSIGN_OR_RETURN(mid, chunk.Attend(candidate, layer + 1, chunk.AddMlp(layer, mid, post)));
    }
  }
  for (const auto& [layer, post] : posts) {
    const BlockWeights& w = network_.weights().blocks[layer];
    known[layer] = {candidate, at::addmm(w.out_bias, post.Mean(), w.out_weight)};  // [max_pos, d_model]
  }
  return absl::OkStatus();
}

}  // namespace circuitd
