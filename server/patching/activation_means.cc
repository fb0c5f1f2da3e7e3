#include "server/patching/activation_means.h"

#include "base/status.h"
#include "server/patching/hook_means.h"

namespace circuitd {

absl::StatusOr<ActivationMeans> CaptureMeans(const Gpt2& network, const std::vector<std::vector<int>>& prompts,
                                             const CaptureLayers& layers, Hooks* ablation, int64_t memory_budget_bytes,
                                             const Checkpoint& checkpoint) {
  const int n_layers = static_cast<int>(layers.z.size());
  std::vector<HookPoint> points;
  for (int layer = 0; layer < n_layers; ++layer) {
    if (layers.z[layer]) points.push_back({HookKind::kZ, layer});
    if (layers.mlp_out[layer]) points.push_back({HookKind::kMlpOut, layer});
  }
  ASSIGN_OR_RETURN(const HookMeans by_hook,
                   CaptureHookMeans(network, prompts, points, ablation, memory_budget_bytes, checkpoint));
  ActivationMeans means{std::vector<at::Tensor>(n_layers), std::vector<at::Tensor>(n_layers)};
  for (const auto& [point, mean] : by_hook) {
    (point.kind == HookKind::kZ ? means.z : means.mlp_out)[point.layer] = mean;
  }
  return means;
}

}  // namespace circuitd
