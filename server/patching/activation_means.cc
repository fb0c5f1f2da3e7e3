#include "server/patching/activation_means.h"

#include "base/status.h"
#include "server/patching/hook_means.h"

namespace circuitd {
namespace {

std::vector<HookPoint> PointsOf(const CaptureLayers& layers) {
  std::vector<HookPoint> points;
  for (int layer = 0; layer < static_cast<int>(layers.z.size()); ++layer) {
    if (layers.z[layer]) points.push_back({HookKind::kZ, layer});
    if (layers.mlp_out[layer]) points.push_back({HookKind::kMlpOut, layer});
  }
  return points;
}

}  // namespace

MicroBatchLimits CaptureMeansLimits(const Gpt2& network, int64_t max_pos, int64_t budget_bytes) {
  const std::vector<bool> all(network.config().n_layers, true);
  return HookMeansLimits(network, PointsOf({all, all}), max_pos, budget_bytes);
}

absl::StatusOr<ActivationMeans> CaptureMeans(const Gpt2& network, const std::vector<std::vector<int>>& prompts,
                                             const std::vector<MicroBatch>& batches, const CaptureLayers& layers,
                                             Hooks* ablation, const Checkpoint& checkpoint) {
  const int n_layers = static_cast<int>(layers.z.size());
  ASSIGN_OR_RETURN(const HookMeans by_hook,
                   CaptureHookMeans(network, prompts, batches, PointsOf(layers), ablation, checkpoint));
  ActivationMeans means{std::vector<at::Tensor>(n_layers), std::vector<at::Tensor>(n_layers)};
  for (const auto& [point, mean] : by_hook) {
    (point.kind == HookKind::kZ ? means.z : means.mlp_out)[point.layer] = mean;
  }
  return means;
}

}  // namespace circuitd
