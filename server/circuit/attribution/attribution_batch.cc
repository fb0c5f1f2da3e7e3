#include "server/circuit/attribution/attribution_batch.h"

#include "base/status.h"
#include "server/graph/edge_order.h"

namespace circuitd {

at::Tensor Interpolated(const AttributionBatch& batch, int begin, int count, double fraction) {
  const at::Tensor change = batch.differences.narrow(0, begin, count).sum(0) * fraction;  // [batch, pos, d_model]
  return batch.outside.narrow(0, begin, count).sum(0).expand_as(change) - change.to(batch.outside.scalar_type());
}

at::Tensor NoEffects(const AttributionBatch& batch) {
  const ModelConfig& config = batch.network.config();
  return at::zeros({ReceiverCount(config), SenderCount(config)},
                   at::TensorOptions(batch.network.device()).dtype(at::kDouble));
}

absl::Status AddRunEffects(const AttributionBatch& batch, const at::Tensor& embedding,
                           const std::optional<ReplacedOutput>& replaced, at::Tensor& sums) {
  const GradientRun run{.network = batch.network,
                        .prompts = batch.clean,
                        .answers = batch.answers,
                        .metric = batch.metric,
                        .reference = batch.clean_logits,
                        .embedding = embedding,
                        .replaced = replaced,
                        .first_prompt = batch.first_pair};
  ASSIGN_OR_RETURN(const EdgeGradients gradients, RunWithGradients(run, batch.checkpoint));
  AddEdgeEffects(batch.network, gradients, batch.differences, sums);
  return absl::OkStatus();
}

}  // namespace circuitd
