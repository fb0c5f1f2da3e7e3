// Means of a candidate's ablated MLPs, of a run with its heads: MlpMeans::kSeqcont.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "server/circuit/engine/chunk_run.h"
#include "server/circuit/engine/circuit_layers.h"
#include "server/graph/node.h"
#include "server/model/gpt2.h"

namespace circuitd {

// By layer: [max_pos, d_model], undefined where the MLP is kept.
using MlpMeanTensors = std::vector<at::Tensor>;

// The run is on the corrupted prompts, with the candidate's heads and all MLPs. It goes no higher than the highest
// ablated MLP, and it is not made at all where no head up to an ablated MLP's layer changed.
class SeqcontMlpMeans {
 public:
  // `network`, `checkpoint` and `corrupted`, all corrupted prompts of at most `max_pos` tokens, have to outlive it.
  // `unablated` are the means of the run of the whole model.
  SeqcontMlpMeans(const Gpt2& network, std::vector<ChunkRun>& corrupted, int64_t max_pos,
                  const MlpMeanTensors& unablated, const Checkpoint& checkpoint);

  // Those of the MLPs that `candidate` ablates: `circuit` without `node`, or `circuit` itself.
  absl::StatusOr<MlpMeanTensors> Means(const CircuitLayers& circuit, std::optional<Node> node,
                                       const CircuitLayers& candidate);

  // For who makes the run: the ablated MLPs whose means Means would run the prompts for, ascending, and what to do with
  // means that were taken in a run of the candidate.
  std::vector<int> Unknown(const CircuitLayers& circuit, const CircuitLayers& candidate);
  void Learn(const CircuitLayers& candidate, const std::map<int, at::Tensor>& means);

 private:
  // One MLP's mean, and the run it was made in.
  struct Known {
    std::optional<CircuitLayers> run;
    at::Tensor mean;

    bool IsOf(const CircuitLayers& other, int layer) const { return run && run->ServesBefore(layer + 1, other); }
  };

  // The mean of `layer` in such a run; null if it is not known.
  const Known* Find(const CircuitLayers& run, int layer) const;

  const Gpt2& network_;
  std::vector<ChunkRun>& corrupted_;
  const int64_t max_pos_;
  const Checkpoint& checkpoint_;
  // By layer: of the last circuits asked for, and of their candidates. A candidate that was accepted is the circuit.
  std::vector<Known> of_circuit_, of_candidate_;
};

}  // namespace circuitd
