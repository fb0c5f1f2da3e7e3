// Runs of circuits over a chunk of prompts, each going on from what it has in common with those before.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "absl/status/statusor.h"
#include "base/checkpoint.h"
#include "server/circuit/engine/circuit_layers.h"
#include "server/circuit/engine/engine_weights.h"
#include "server/circuit/engine/layer_run.h"
#include "server/circuit/engine/prompt_rows.h"
#include "server/model/gpt2.h"

namespace circuitd {

// A circuit, and by layer what its ablated MLPs write: [max_pos, d_model], undefined for kept ones.
struct AblatedCircuit {
  CircuitLayers layers;
  std::vector<at::Tensor> mlp_means;
};

// What chunks keep between runs. It costs memory and saves work, and changes no result.
struct Keeps {
  std::set<int> borders;  // residual streams before these layers
  bool start = false;     // the last candidates' layer, its attention done
  bool product = false;   // its MLP's first product, see CandidateLayer
};

// The residual stream before a layer's MLP.
struct MidStream {
  Stream stream;
  at::Tensor product;  // CandidateLayer's, of this layer; may be undefined
};

// Its methods check `checkpoint` before each layer's attention and before its MLP and return its error as it is;
// otherwise torch's exceptions. A run
// that fails leaves only valid states behind. Not thread-safe.
class ChunkRun {
 public:
  // All but `rows` and `keeps` have to outlive it. `checkpoint` may be empty.
  ChunkRun(const Gpt2& network, EngineWeights& weights, PromptRows rows, Keeps keeps, const Checkpoint& checkpoint);

  const PromptRows& rows() const { return rows_; }

  // The circuit's residual stream before `layer`, which may be the number of layers.
  absl::StatusOr<Stream> Before(const AblatedCircuit& circuit, int layer);
  // After the attention of `layer`, with one of the circuit's heads there at its mean, or none.
  absl::StatusOr<MidStream> Mid(const AblatedCircuit& circuit, int layer, std::optional<int> without_head);
  // Goes on from `before`, the stream before layer `begin`, to before layer `end`. Keeps nothing.
  absl::StatusOr<Stream> GoOn(const AblatedCircuit& circuit, Stream before, int begin, int end);

  // Lets go of all that is kept.
  void Forget();

  // One layer's parts, as in LayerRun.
  absl::StatusOr<MidStream> Attend(const CircuitLayers& circuit, int layer, const Stream& before);
  absl::StatusOr<at::Tensor> MlpPost(int layer, const MidStream& mid);
  absl::StatusOr<Stream> AfterMlp(const AblatedCircuit& circuit, int layer, const MidStream& mid);
  Stream AddMlp(int layer, const MidStream& mid, const at::Tensor& post);

 private:
  struct Border {
    CircuitLayers circuit;
    Stream stream;
  };
  struct Start {
    int layer;
    CircuitLayers circuit;    // that it was made for
    at::Tensor z;             // of the heads that circuit keeps, [rows, heads * d_head]
    std::set<int64_t> heads;  // that are still in `mid`
    MidStream mid;
  };

  LayerRun Layers() { return LayerRun(network_, weights_, rows_); }
  absl::StatusOr<Start> MakeStart(const AblatedCircuit& circuit, int layer);
  // Whether `start_` can become that of this circuit.
  bool StartServes(const CircuitLayers& circuit) const;
  // Takes heads out of it that `circuit` does not keep.
  void Reduce(Start& start, const CircuitLayers& circuit);
  MidStream Without(const Start& start, int head);

  const Gpt2& network_;
  EngineWeights& weights_;
  const PromptRows rows_;
  const Keeps keeps_;
  const Checkpoint& checkpoint_;
  std::map<int, Border> borders_;
  std::optional<Start> start_;
};

}  // namespace circuitd
