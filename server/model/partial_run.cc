#include "server/model/partial_run.h"

#include <algorithm>

namespace circuitd {

void RunUpTo(const Gpt2& network, const at::Tensor& tokens, absl::Span<const HookPoint> points, Hooks* hooks) {
  const bool ln_final = std::any_of(points.begin(), points.end(), [](HookPoint point) {
    return point.kind == HookKind::kLnFinalScale || point.kind == HookKind::kLnFinalNormalized;
  });
  int end = ln_final ? network.config().n_layers : 0;
  for (const HookPoint point : points) end = std::max(end, point.layer + 1);
  const at::Tensor residual = network.RunLayers(network.Embed(tokens, hooks), 0, end, hooks);
  if (ln_final) network.LnFinal(residual, hooks);
}

}  // namespace circuitd
