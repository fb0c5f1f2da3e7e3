#include "server/circuit/engine/seqcont_mlp_means.h"

#include <utility>

#include "base/status.h"
#include "server/circuit/engine/mlp_mean_run.h"

namespace circuitd {

SeqcontMlpMeans::SeqcontMlpMeans(const Gpt2& network, std::vector<ChunkRun>& corrupted, int64_t max_pos,
                                 const MlpMeanTensors& unablated, const Checkpoint& checkpoint)
    : network_(network),
      corrupted_(corrupted),
      max_pos_(max_pos),
      checkpoint_(checkpoint),
      of_candidate_(network.config().n_layers) {
  const CircuitLayers whole(network.config(), AllNodes(network.config()));
  for (const at::Tensor& mean : unablated) of_circuit_.push_back({whole, mean});
}

absl::StatusOr<MlpMeanTensors> SeqcontMlpMeans::Means(const CircuitLayers& circuit, std::optional<Node> node,
                                                      const CircuitLayers& candidate) {
  // What the circuit's own run shares with the candidate's serves the next candidates, too.
  std::vector<int> of_circuit, of_candidate;
  for (const int layer : Unknown(circuit, candidate)) {
    (circuit.WithAllMlps().ServesBefore(layer + 1, candidate.WithAllMlps()) ? of_circuit : of_candidate)
        .push_back(layer);
  }
  const auto run = [&](const std::vector<int>& layers, const CircuitLayers& heads,
                       std::optional<Node> left_out) -> absl::Status {
    if (layers.empty()) return absl::OkStatus();
    const AblatedCircuit with_node{circuit.WithAllMlps(), {}};
    MlpMeanRun means(network_, heads, layers, max_pos_);
    const int first = left_out ? left_out->layer : layers.front();
    std::optional<int> without_head;
    if (left_out) without_head = left_out->head;
    for (ChunkRun& chunk : corrupted_) {
      ASSIGN_OR_RETURN(MidStream mid, chunk.Mid(with_node, first, without_head));
      RETURN_IF_ERROR(means.Run(chunk, first, std::move(mid)));
    }
    ASSIGN_OR_RETURN(const auto of_layers, means.Means(checkpoint_));
    Learn(heads, of_layers);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(run(of_circuit, circuit, std::nullopt));
  RETURN_IF_ERROR(run(of_candidate, candidate, node));

  MlpMeanTensors result(circuit.n_layers());
  const CircuitLayers candidate_run = candidate.WithAllMlps();
  for (const int layer : candidate.AblatedMlps(0)) result[layer] = Find(candidate_run, layer)->mean;
  return result;
}

std::vector<int> SeqcontMlpMeans::Unknown(const CircuitLayers& circuit, const CircuitLayers& candidate) {
  const CircuitLayers circuit_run = circuit.WithAllMlps(), candidate_run = candidate.WithAllMlps();
  std::vector<int> unknown;
  for (const int layer : candidate.AblatedMlps(0)) {
    if (of_candidate_[layer].IsOf(circuit_run, layer)) of_circuit_[layer] = of_candidate_[layer];
    if (Find(candidate_run, layer) == nullptr) unknown.push_back(layer);
  }
  return unknown;
}

void SeqcontMlpMeans::Learn(const CircuitLayers& candidate, const std::map<int, at::Tensor>& means) {
  for (const auto& [layer, mean] : means) of_candidate_[layer] = {candidate.WithAllMlps(), mean};
}

const SeqcontMlpMeans::Known* SeqcontMlpMeans::Find(const CircuitLayers& run, int layer) const {
  for (const Known* known : {&of_circuit_[layer], &of_candidate_[layer]}) {
    if (known->IsOf(run, layer)) return known;
  }
  return nullptr;
}

}  // namespace circuitd
