// Integrated gradients over activations: Hanna, Pezzelle and Belinkov 2024 (arXiv 2403.17806), section 3, in the form
// of their code: one group of senders after the other is moved from its outside to its clean value.
#include <functional>

#include "base/status.h"
#include "server/circuit/attribution/attribution_batch.h"
#include "server/graph/edge_order.h"

namespace circuitd {
namespace {

class Groups {
 public:
  Groups(const AttributionBatch& batch, int steps)
      : batch_(batch), config_(batch.network.config()), steps_(steps), sums_(NoEffects(batch)) {}

  absl::Status AddEmbed() {
    return ForEachStep([&](double fraction) {
      return AddRunEffects(batch_, Interpolated(batch_, /*begin=*/0, /*count=*/1, fraction), std::nullopt, sums_);
    });
  }

  // All heads of the layer together; what nobody writes, the attention's bias, stays.
  absl::Status AddHeads(int layer) {
    const at::Tensor& bias = batch_.network.weights().blocks[layer].o_bias;
    return ForEachStep([&](double fraction) {
      return AddReplaced(
          {HookKind::kAttnOut, layer},
          Interpolated(batch_, SenderRank(config_, Node::Head(layer, 0)), config_.n_heads, fraction) + bias);
    });
  }

  absl::Status AddMlp(int layer) {
    return ForEachStep([&](double fraction) {
      return AddReplaced({HookKind::kMlpOut, layer},
                         Interpolated(batch_, SenderRank(config_, Node::Mlp(layer)), /*count=*/1, fraction));
    });
  }

  // The mean over all runs.
  at::Tensor TakeSums() { return sums_.div_(runs_); }

 private:
  absl::Status ForEachStep(const std::function<absl::Status(double fraction)>& run) {
    for (int k = 1; k <= steps_; ++k) {
      RETURN_IF_ERROR(run(static_cast<double>(k) / steps_));
      ++runs_;
    }
    return absl::OkStatus();
  }

  absl::Status AddReplaced(HookPoint point, const at::Tensor& value) {
    return AddRunEffects(batch_, batch_.network.Embed(batch_.clean.tokens), ReplacedOutput{point, value}, sums_);
  }

  const AttributionBatch& batch_;
  const ModelConfig& config_;
  const int steps_;
  at::Tensor sums_;
  int64_t runs_ = 0;
};

}  // namespace

absl::StatusOr<at::Tensor> EapIgActivationsSums(const AttributionBatch& batch, int steps) {
  Groups groups(batch, steps);
  RETURN_IF_ERROR(groups.AddEmbed());
  for (int layer = 0; layer < batch.network.config().n_layers; ++layer) {
    RETURN_IF_ERROR(groups.AddHeads(layer));
    RETURN_IF_ERROR(groups.AddMlp(layer));
  }
  return groups.TakeSums();
}

}  // namespace circuitd
