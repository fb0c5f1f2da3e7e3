#include "server/circuit/engine/mlp_mean_run.h"

#include <utility>

#include "base/status.h"
#include "server/model/layer_parts.h"

namespace circuitd {

MlpMeanRun::MlpMeanRun(const Gpt2& network, const CircuitLayers& candidate, const std::vector<int>& layers,
                       int64_t max_pos)
    : network_(network), run_(candidate.WithAllMlps()) {
  for (const int layer : layers) posts_.emplace(layer, RowMeans(max_pos));
}

absl::Status MlpMeanRun::Run(ChunkRun& chunk, int layer, MidStream mid) {
  const int last = posts_.rbegin()->first;
  for (;; ++layer) {
    ASSIGN_OR_RETURN(const at::Tensor post, chunk.MlpPost(layer, mid));
    if (const auto wanted = posts_.find(layer); wanted != posts_.end()) {
      wanted->second.Add(chunk.rows(), mid.stream.final_only, post);
    }
    if (layer == last) return absl::OkStatus();
    ASSIGN_OR_RETURN(mid, chunk.Attend(run_, layer + 1, chunk.AddMlp(layer, mid, post)));
  }
}

absl::StatusOr<std::map<int, at::Tensor>> MlpMeanRun::Means(const Checkpoint& checkpoint) const {
  std::map<int, at::Tensor> means;
  for (const auto& [layer, post] : posts_) {
    if (checkpoint) RETURN_IF_ERROR(checkpoint());
    const BlockWeights& w = network_.weights().blocks[layer];
    means[layer] = Affine(post.Mean(), w.out_weight, w.out_bias);
  }
  return means;
}

}  // namespace circuitd
