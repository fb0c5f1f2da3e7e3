#include "server/circuit/engine/unablated_means.h"

#include "base/status.h"
#include "server/circuit/engine/layer_run.h"
#include "server/circuit/engine/row_means.h"
#include "server/model/layer_parts.h"

namespace circuitd {

absl::StatusOr<UnablatedMeans> TakeUnablatedMeans(const Gpt2& network, EngineWeights& weights,
                                                  const std::vector<ChunkRun>& corrupted, int64_t max_pos,
                                                  const Checkpoint& checkpoint) {
  const ModelConfig& config = network.config();
  const CircuitLayers whole(config, AllNodes(config));
  std::vector<RowMeans> z(config.n_layers, RowMeans(max_pos)), post(config.n_layers, RowMeans(max_pos));
  for (const ChunkRun& chunk : corrupted) {
    const LayerRun run(network, weights, chunk.rows());
    Stream stream = run.Embed();
    for (int layer = 0; layer < config.n_layers; ++layer) {
      if (checkpoint) RETURN_IF_ERROR(checkpoint());
      const Attended attended = run.Attend(layer, whole[layer].heads, stream, !whole.IsReadAbove(layer));
      if (checkpoint) RETURN_IF_ERROR(checkpoint());
      const at::Tensor mlp_post = run.MlpPost(layer, attended.mid);
      z[layer].Add(chunk.rows(), attended.mid.final_only, attended.z);
      post[layer].Add(chunk.rows(), attended.mid.final_only, mlp_post);
      stream = run.AddMlp(layer, attended.mid, mlp_post);
    }
  }
  UnablatedMeans means;
  for (int layer = 0; layer < config.n_layers; ++layer) {
    if (checkpoint) RETURN_IF_ERROR(checkpoint());
    const BlockWeights& w = network.weights().blocks[layer];
    means.z.push_back(z[layer].Mean().view({max_pos, config.n_heads, config.d_head}));
    means.mlp_out.push_back(Affine(post[layer].Mean(), w.out_weight, w.out_bias));
  }
  return means;
}

}  // namespace circuitd
